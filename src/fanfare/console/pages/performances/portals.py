"""Portals, at which promoters enter performances themselves."""

from datetime import datetime
from urllib.parse import urlencode

import msgspec

from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, NextPage
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.performances.actions.portals import change_portal, create_portal, delete_portal
from fanfare.performances.queries.portals import portal as portal_by_uid
from fanfare.performances.queries.portals import portals
from fanfare.performances.schemas.portals import NewPortal, OnePortal, Portal, PortalChanges, PortalQuery
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/performances"
ROWS = 50
# Portals belong to no business.
NOTHING: ArrayPage[Portal] = ArrayPage([], NextPage("cursor", None, has_more=False))


def _path(member: Member) -> str:
    return f"/manage/{member.account.id}/portals"


@manage.get("/portals", area="performances")
async def portal_list(db: Db, member: Member, query: PortalQuery) -> View:
    """Show the portals, and what came through each."""
    limited = msgspec.structs.replace(query, limit=ROWS)
    page = NOTHING if member.is_limited else await portals(db, member.account.id, limited)
    values = {
        "portals": page.data,
        "further_query": urlencode({"cursor": page.next_page.cursor}) if page.next_page.has_more else "",
    }
    return View(f"{TEMPLATES}/portals.html", values)


@manage.post("/portals", area="performances", is_account_wide=True)
async def portal_create(db: Db, member: Member, visit: Visit, form: NewPortal, now: datetime) -> Redirect:
    """Create a portal."""
    await create_portal(db, member.account.id, form, now)
    flash(visit, "The portal is created.")
    return Redirect(_path(member))


@manage.get("/portals/{portal_uid}", area="performances", right="write")
async def portal(db: Db, member: Member, query: OnePortal) -> View:
    """Show a portal, to be changed."""
    member.require_business(None, portal=query.portal_uid)
    return View(f"{TEMPLATES}/portal.html", {"portal": await portal_by_uid(db, member.account.id, query.portal_uid)})


@manage.post("/portals/{portal_uid}", area="performances")
async def portal_save(db: Db, member: Member, visit: Visit, form: PortalChanges, now: datetime) -> Redirect:
    """Save a portal; an empty password stays as it was."""
    member.require_business(None, portal=form.portal_uid)
    changes = form if form.password else msgspec.structs.replace(form, password=msgspec.UNSET)
    await change_portal(db, member.account.id, changes, now)
    flash(visit, "Saved.")
    return Redirect(_path(member))


@manage.post("/portals/{portal_uid}/delete", area="performances")
async def portal_delete(db: Db, member: Member, visit: Visit, form: OnePortal, now: datetime) -> Redirect:
    """Delete a portal; what came through it stays."""
    member.require_business(None, portal=form.portal_uid)
    await delete_portal(db, member.account.id, form.portal_uid, now)
    flash(visit, "The portal is deleted.")
    return Redirect(_path(member))
