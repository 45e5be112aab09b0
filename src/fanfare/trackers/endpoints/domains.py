"""HTTP endpoints of virtual domains."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint
from fanfare.trackers.actions import domains as actions
from fanfare.trackers.queries import domains
from fanfare.trackers.schemas.domains import Domain, DomainQuery, DomainSaved, NewDomain, OneDomain


@endpoint.get("/api/v1/manage/tracker_domains", scope="manage", key=SECRET)
async def manage_tracker_domains_list(db: Db, account: Account, query: DomainQuery) -> ArrayPage[Domain]:
    """List the virtual domains, each with the DNS record that confirms it."""
    return await domains.domains(db, account.id, query)


@endpoint.post("/api/v1/manage/tracker_domains", scope="manage", key=SECRET)
async def manage_tracker_domains_create(db: Db, account: Account, new: NewDomain, now: datetime) -> DomainSaved:
    """Add a virtual domain; its links redirect once a check has found the DNS record. 409 beyond 100 domains."""
    return DomainSaved(await actions.add_domain(db, account.id, new.virtual_domain, now))


@endpoint.post("/api/v1/manage/tracker_domains/{domain_id}/check", scope="manage", key=SECRET, prepare=actions.ask)
async def manage_tracker_domains_check(
    db: Db, account: Account, target: OneDomain, check: actions.Check, now: datetime
) -> bool:
    """Check the DNS record and TLS of a virtual domain; return whether the record is there. 409 for another account's.

    A domain that was confirmed stays so if a later check fails.
    """
    return await actions.note_check(db, account.id, target.domain_id, check, now)


@endpoint.delete("/api/v1/manage/tracker_domains/{domain_id}", scope="manage", key=SECRET)
async def manage_tracker_domains_delete(db: Db, account: Account, target: OneDomain, now: datetime) -> bool:
    """Remove a virtual domain. 409 while it has trackers."""
    await actions.remove_domain(db, account.id, target.domain_id, now)
    return True
