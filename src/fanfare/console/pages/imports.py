"""Imports: a file is uploaded, how it is read is confirmed, tried and run, and what it did can be undone."""

import tempfile
from datetime import datetime

import msgspec

from fanfare.accounts.queries import businesses
from fanfare.console.schemas.transfers import ImportForm, MappingForm, SheetForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.fans.queries.attributes import fields
from fanfare.imports.actions import error_files, previews, uploads
from fanfare.imports.actions import imports as actions
from fanfare.imports.actions.kinds.catalogue import KINDS
from fanfare.imports.queries.imports import import_of
from fanfare.imports.queries.imports import imports as all_imports
from fanfare.imports.schemas.imports import (
    FORMATS,
    FilePart,
    ImportChanges,
    ImportWindow,
    NewImport,
    OneImport,
    Preview,
    Run,
)
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.page import Download, Redirect, View, Visit
from fanfare.staff.schemas.members import Member
from fanfare.storages.queries.storages import storages

TEMPLATES = "console/templates/imports"
ROWS = 30


def _path(member: Member, target: OneImport | Run | MappingForm | SheetForm) -> str:
    return f"/manage/{member.account.id}/imports/{target.import_uid}"


@manage.get("/imports", area="transfers")
async def imports(db: Db, member: Member, query: ImportWindow) -> View:
    """Show the imports, the newest first."""
    page = await all_imports(db, member.account.id, msgspec.structs.replace(query, limit=ROWS))
    next_id = page.meta.min_import_id if page.meta.has_more else None
    return View(f"{TEMPLATES}/imports.html", {"imports": page.data, "next_id": next_id})


@manage.get("/imports/new", area="transfers", right="write")
async def import_new(db: Db, member: Member) -> View:
    """Ask what the rows are."""
    values = {
        "kinds": [(name, name) for name in KINDS],
        "formats": [(each, each) for each in FORMATS],
        "has_storages": bool(await storages(db, member.account.id)),
    }
    return View(f"{TEMPLATES}/new.html", values)


@manage.post("/imports/new", area="transfers")
async def import_create(db: Db, member: Member, form: ImportForm, now: datetime) -> Redirect:
    """Create an import; its file comes next."""
    new = NewImport(kind=form.kind, format=form.format, name=form.name)
    created = await actions.create_import(db, member.account.id, new, now)
    return Redirect(f"/manage/{member.account.id}/imports/{created.import_uid}")


@manage.get("/imports/{import_uid}", area="transfers")
async def import_page(db: Db, member: Member, target: OneImport, now: datetime) -> View:
    """Show an import: its file, how it is read, how far it is, what it did."""
    entry = await import_of(db, member.account.id, target.import_uid)
    preview = None
    if entry.state == "ready" and entry.has_file:
        preview = await previews.preview(db, member.account, target.import_uid, now)
    values = {
        "each": entry,
        "preview": preview,
        "field_names": await _field_names(db, member.account.id, preview) if preview else [],
        "is_masked": not member.may("transfers", "personal"),
    }
    return View(f"{TEMPLATES}/import.html", values)


async def _field_names(db: Db, account_id: int, preview: Preview) -> list[str]:
    """Return the fields that a column can have: custom fields and businesses by their names."""
    names = [name for name in preview.fields if not name.endswith("*")]
    if "field_*" in preview.fields:
        names += [f"field_{each.crm_field_key}" for each in await fields(db, account_id)]
    if "business_*" in preview.fields:
        names += [f"business_{each.business_id}" for each in await businesses(db, account_id)]
    return names


@manage.post("/imports/{import_uid}/file", area="transfers", takes_file=True)
async def import_upload(db: Db, member: Member, visit: Visit, target: OneImport, now: datetime) -> Redirect:
    """Receive the file of an import, in parts; one that broke off begins anew."""
    if visit.upload is None:
        await import_of(db, member.account.id, target.import_uid)
        raise BadParameters([("file", "is required")])
    part = FilePart(import_uid=target.import_uid)
    await uploads.receive_file(db, member.account.id, part, visit.upload, now)
    return Redirect(_path(member, target))


@manage.post("/imports/{import_uid}", area="transfers")
async def import_update(db: Db, member: Member, visit: Visit, form: MappingForm, now: datetime) -> Redirect:
    """Change how the file is read, and try it without writing."""
    entry = await import_of(db, member.account.id, form.import_uid)
    await actions.change_import(db, member.account.id, form.changes(entry.columns), now)
    if form.is_dry:
        await actions.run_import(db, member.account.id, Run(import_uid=form.import_uid, dry_run=True), now)
    else:
        flash(visit, "How the file is read is saved.")
    return Redirect(_path(member, form))


@manage.post("/imports/{import_uid}/sheet", area="transfers")
async def import_sheet(db: Db, member: Member, visit: Visit, form: SheetForm, now: datetime) -> Redirect:
    """Read another sheet of a workbook."""
    changes = ImportChanges(import_uid=form.import_uid, sheet=form.sheet)
    await actions.change_import(db, member.account.id, changes, now)
    flash(visit, "The sheet is being read.")
    return Redirect(_path(member, form))


@manage.post("/imports/{import_uid}/run", area="transfers")
async def import_run(db: Db, member: Member, form: Run, now: datetime) -> Redirect:
    """Run an import, or go on with one that failed."""
    await actions.run_import(db, member.account.id, form, now)
    return Redirect(_path(member, form))


@manage.post("/imports/{import_uid}/undo", area="transfers", needs_proof=True)
async def import_undo(db: Db, member: Member, form: OneImport, now: datetime) -> Redirect:
    """Delete again what an import created."""
    await actions.undo_import(db, member.account.id, form.import_uid, now)
    return Redirect(_path(member, form))


@manage.post("/imports/{import_uid}/delete", area="transfers")
async def import_delete(db: Db, member: Member, visit: Visit, form: OneImport, now: datetime) -> Redirect:
    """Delete an import with its file."""
    await actions.delete_import(db, member.account.id, form.import_uid, now)
    flash(visit, "The import is deleted.")
    return Redirect(f"/manage/{member.account.id}/imports")


@manage.get("/imports/{import_uid}/errors", area="transfers", right="export", needs_proof=True)
async def import_errors(db: Db, member: Member, target: OneImport) -> Download:
    """Download the rows that were refused, with what is wrong with each."""
    member.require("transfers", "personal")
    delivery = Delivery(db, has_body=True)
    await error_files.deliver(db, member.account.id, target.import_uid, delivery)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is sent
    if delivery.parts is not None:
        async for part in delivery.parts:
            file.write(part)
    return Download(file, f"errors-{target.import_uid}.csv", "text/csv")
