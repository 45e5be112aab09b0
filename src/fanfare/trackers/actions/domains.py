"""Adds, checks and removes virtual domains."""

import secrets
from contextlib import suppress
from datetime import datetime

import asyncpg
import msgspec

from fanfare.kernel.callers import Account, Caller
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import enqueue
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.kernel.running.name_servers import name_servers
from fanfare.trackers.gateways.domains import is_reached_over_tls
from fanfare.trackers.queries.domains import TXT_PREFIX, TXT_VALUE
from fanfare.trackers.schemas.domains import OneDomain
from fanfare.trackers.topics import TRACKER_DOMAIN_CREATED, TRACKER_DOMAIN_DELETED, TRACKER_DOMAIN_UPDATED

MAX_DOMAINS = 100
TOKEN_BYTES = 16
NO_RECORD = "the TXT record is missing or has another value"
NO_ANSWER = "no name server said whether the TXT record is there"
CHECK_JOB = "trackers.check_domain"
NO_TLS = "https does not lead to this server, or its certificate is not accepted"


class TooManyDomains(Conflict):
    """The account has 100 virtual domains; remove those that are no longer used"""


class DomainTaken(Conflict):
    """Another account has confirmed this domain"""


class DomainInUse(Conflict):
    """Trackers of this domain are left; delete them first"""


class Check(msgspec.Struct, frozen=True):
    """Whether the TXT record is there, None if no name server said, and whether the host is reached over TLS."""

    has_record: bool | None
    is_secure: bool


ADD = f"""
    with {HOLD},
    created as (
        insert into tracker_domains (account_id, domain_id, host, confirmation_token, created_at)
        select $1, nextval('positions'), $2, $3, $4 from hold
        where (select count(*) from tracker_domains where account_id = $1) < $5
        on conflict (account_id, host) do nothing
        returning domain_id
    ),
    announced as (
        {announce(TRACKER_DOMAIN_CREATED, "created", position="domain_id", at="$4")}
    )
    select domain_id from created
"""  # noqa: S608 - fixed parts
# Once confirmed it stays so, until it is removed: a name server that does not answer ends no link.
NOTE = f"""
    with {HOLD},
    checked as (
        update tracker_domains
        set checked_at = $3, is_secure = $4, check_fault = $5, confirmed_at = coalesce(confirmed_at, $6)
        where account_id = $1 and domain_id = $2
        returning domain_id
    )
    {announce(TRACKER_DOMAIN_UPDATED, "checked", at="$3")}
"""  # noqa: S608 - fixed parts
REMOVE = f"""
    with {HOLD},
    deleted as (
        delete from tracker_domains d where d.account_id = $1 and d.domain_id = $2
          and not exists (select from trackers t where t.account_id = $1 and t.host = d.host)
        returning d.domain_id
    ),
    announced as (
        {announce(TRACKER_DOMAIN_DELETED, "deleted", at="$3")}
    )
    select domain_id from deleted
"""  # noqa: S608 - fixed parts


async def add_domain(db: Db, account_id: int, host: str, now: datetime) -> int:
    """Add a host and return its id; one that is there already stays as it is."""
    token = secrets.token_hex(TOKEN_BYTES)
    domain_id: int | None = await db.value(ADD, account_id, host, token, now, MAX_DOMAINS)
    if domain_id is None:
        sql = "select domain_id from tracker_domains where account_id = $1 and host = $2"
        domain_id = await db.value(sql, account_id, host)
    if domain_id is None:
        raise TooManyDomains
    return domain_id


async def queue_check(db: Db, account_id: int, domain_id: int) -> None:
    """Let a job check a domain; Unknown (404)."""
    sql = "select exists (select from tracker_domains where account_id = $1 and domain_id = $2)"
    if not await db.value(sql, account_id, domain_id):
        raise Unknown(domain=domain_id)
    await enqueue(db, CHECK_JOB, {"domain_id": domain_id}, key=f"{account_id}/{domain_id}")


async def check_domain(db: Db, account_id: int, domain_id: int, now: datetime) -> None:
    """Check a domain and store the result; one that was removed, or that another account confirmed, stays as it is."""
    with suppress(Unknown, DomainTaken):
        await note_check(db, account_id, domain_id, await _answers(db, account_id, domain_id), now)


async def ask(db: Db, account: Account, _: Caller, target: OneDomain, __: datetime) -> Check:
    """Ask the DNS for the TXT record, and the host whether it leads here; Unknown (404) domain."""
    return await _answers(db, account.id, target.domain_id)


async def _answers(db: Db, account_id: int, domain_id: int) -> Check:
    row = await db.row(
        "select host, confirmation_token from tracker_domains where account_id = $1 and domain_id = $2",
        account_id,
        domain_id,
    )
    if row is None:
        raise Unknown(domain=domain_id)
    has_record = await name_servers.has_txt(f"{TXT_PREFIX}{row['host']}", f"{TXT_VALUE}{row['confirmation_token']}")
    is_secure = await is_reached_over_tls(account_id, row["host"], secrets.token_hex(TOKEN_BYTES))
    return Check(has_record, is_secure)


async def note_check(db: Db, account_id: int, domain_id: int, check: Check, now: datetime) -> bool:
    """Store the result of a check; return whether the TXT record is there. DomainTaken (409) by another account."""
    faults = {None: NO_ANSWER, False: NO_RECORD, True: None if check.is_secure else NO_TLS}
    confirmed_at = now if check.has_record else None
    try:
        await db.execute(NOTE, account_id, domain_id, now, check.is_secure, faults[check.has_record], confirmed_at)
    except asyncpg.UniqueViolationError:
        raise DomainTaken from None
    return bool(check.has_record)


async def remove_domain(db: Db, account_id: int, domain_id: int, now: datetime) -> None:
    """Remove a domain; DomainInUse (409) while it has trackers, Unknown (404)."""
    if await db.value(REMOVE, account_id, domain_id, now) is None:
        sql = "select exists (select from tracker_domains where account_id = $1 and domain_id = $2)"
        raise DomainInUse if await db.value(sql, account_id, domain_id) else Unknown(domain=domain_id)
