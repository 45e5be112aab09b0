"""HTTP endpoints of portals."""

from datetime import datetime

from fanfare.kernel.callers import PUBLIC, SECRET, Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint
from fanfare.performances.actions import performances as performance_actions
from fanfare.performances.actions import portals as actions
from fanfare.performances.queries import portals as queries
from fanfare.performances.schemas.performances import PerformanceSaved
from fanfare.performances.schemas.portals import (
    NewPortal,
    NewTemplate,
    OnePortal,
    OpenPortal,
    Portal,
    PortalChanges,
    PortalQuery,
    PortalSaved,
    PortalVisit,
)


@endpoint.get("/api/v1/portals", scope="misc", key=SECRET)
async def portals_list(db: Db, account: Account, query: PortalQuery) -> ArrayPage[Portal]:
    """List the portals of the account, oldest first.

    Send the header X-Next-Cursor back as `cursor` to continue.
    """
    return await queries.portals(db, account.id, query)


@endpoint.post("/api/v1/portals", scope="misc", key=SECRET)
async def portals_create(db: Db, account: Account, new: NewPortal, now: datetime) -> PortalSaved:
    """Create a portal for a performance group, optionally with a password, which is stored as a hash."""
    return PortalSaved(await actions.create_portal(db, account.id, new, now))


@endpoint.get("/api/v1/portals/{portal_uid}", scope="misc", key=SECRET)
async def portals_get(db: Db, account: Account, target: OnePortal) -> Portal:
    """Return one portal."""
    return await queries.portal(db, account.id, target.portal_uid)


@endpoint.post("/api/v1/portals/{portal_uid}", scope="misc", key=SECRET)
async def portals_update(db: Db, account: Account, changes: PortalChanges, now: datetime) -> PortalSaved:
    """Change a portal; name and group are always required.

    A password that is left out stays; an empty one is removed.
    """
    return PortalSaved(await actions.change_portal(db, account.id, changes, now))


@endpoint.delete("/api/v1/portals/{portal_uid}", scope="misc", key=SECRET)
async def portals_delete(db: Db, account: Account, target: OnePortal, now: datetime) -> bool:
    """Delete a portal; performances created through it stay."""
    await actions.delete_portal(db, account.id, target.portal_uid, now)
    return True


@endpoint.post("/api/v1/portals/{portal_uid}/login", scope="misc", key=PUBLIC)
async def portals_login(db: Db, account: Account, caller: Caller, visit: PortalVisit, now: datetime) -> OpenPortal:
    """Let a visitor into a portal, and note the time as last_access_timestamp.

    422 (`wrong_portal_password`) for a wrong password; 429 with Retry-After after 100 wrong ones for a portal in a day,
    or 300 from an IP address in an hour.
    """
    return await actions.visit_portal(db, account, caller, visit, now)


@endpoint.post(
    "/api/v1/portals/{portal_uid}/templates", scope="misc", key=PUBLIC, references=performance_actions.references
)
async def portals_templates_create(
    db: Db, account: Account, caller: Caller, new: NewTemplate, now: datetime
) -> PerformanceSaved:
    """Create a performance through a portal: a draft in the portal's group, counted in templates_created.

    Errors as in the login.
    """
    return PerformanceSaved(await actions.create_template(db, account, caller, new, now))
