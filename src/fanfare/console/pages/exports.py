"""Exports: tables as files, with links to fetch them."""

from datetime import datetime

import msgspec

from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.exports.actions import exports as actions
from fanfare.exports.actions import links
from fanfare.exports.queries.exports import exports as all_exports
from fanfare.exports.schemas.exports import NAMES, ExportWindow, NewExport, NewLink, OneExport
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member
from fanfare.storages.queries.storages import storages

TEMPLATES = "console/templates/exports"
ROWS = 30


@manage.get("/exports", area="transfers")
async def exports(db: Db, member: Member, query: ExportWindow) -> View:
    """Show the exports, the newest first."""
    page = await all_exports(db, member.account.id, msgspec.structs.replace(query, limit=ROWS))
    values = {
        "exports": page.data,
        "next_id": page.meta.min_export_id if page.meta.has_more else None,
        "is_running": any(each.state in ("running", "delivering") for each in page.data),
    }
    return View(f"{TEMPLATES}/exports.html", values)


@manage.get("/exports/new", area="transfers", right="export", needs_proof=True, is_question=True)
async def export_new(db: Db, member: Member) -> View:
    """Ask what to export."""
    member.require("transfers", "personal")
    choices = [(str(each.storage_uid), each.name) for each in await storages(db, member.account.id)]
    return View(f"{TEMPLATES}/new.html", {"tables": [(name, name) for name in NAMES], "storages": choices})


@manage.post("/exports/new", area="transfers", right="export", needs_proof=True, takes_turn=True)
async def export_create(db: Db, member: Member, visit: Visit, form: NewExport, now: datetime) -> Redirect:
    """Start an export."""
    member.require("transfers", "personal")
    await actions.create_export(db, member.account, form, now)
    flash(visit, "The export runs; its file stands here when it is complete.")
    return Redirect(f"/manage/{member.account.id}/exports")


@manage.post("/exports/{export_uid}/link", area="transfers", right="export", needs_proof=True)
async def export_link(db: Db, member: Member, form: NewLink, now: datetime) -> View:
    """Make a link with which anybody can fetch the file, and show it, once."""
    member.require("transfers", "personal")
    return View(f"{TEMPLATES}/link.html", {"link": await links.create_link(db, member.account.id, form, now)})


@manage.get("/exports/{export_uid}/download", area="transfers", right="export", needs_proof=True)
async def export_download(db: Db, member: Member, target: OneExport, now: datetime) -> Redirect:
    """Fetch the file, by a link of a minute."""
    member.require("transfers", "personal")
    new = NewLink(export_uid=target.export_uid, minutes=1)
    return Redirect((await links.create_link(db, member.account.id, new, now)).url)


@manage.post("/exports/{export_uid}/deliver", area="transfers", right="export", needs_proof=True)
async def export_deliver(db: Db, member: Member, visit: Visit, form: OneExport, now: datetime) -> Redirect:
    """Send the file to the storage that did not take it."""
    if await actions.deliver_again(db, member.account.id, form.export_uid, now):
        flash(visit, "The file is sent again.")
    return Redirect(f"/manage/{member.account.id}/exports")


@manage.post("/exports/{export_uid}/delete", area="transfers", right="export", needs_proof=True)
async def export_delete(db: Db, member: Member, visit: Visit, form: OneExport, now: datetime) -> Redirect:
    """Delete an export with its file."""
    await actions.delete_export(db, member.account.id, form.export_uid, now)
    flash(visit, "The export is deleted.")
    return Redirect(f"/manage/{member.account.id}/exports")
