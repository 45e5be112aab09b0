"""Over HTTP: exports of tables and searches."""

from datetime import datetime

from fanfare.exports.actions import exports as actions
from fanfare.exports.actions import links
from fanfare.exports.queries import exports as queries
from fanfare.exports.schemas.exports import (
    Export,
    ExportCreated,
    ExportLink,
    ExportMeta,
    ExportWindow,
    NewExport,
    NewLink,
    OneExport,
)
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/exports", scope="manage", key=SECRET)
async def manage_exports_list(db: Db, account: Account, query: ExportWindow) -> Page[ExportMeta, Export]:
    """List exports, the newest first, with the manifest of each file."""
    return await queries.exports(db, account.id, query)


@endpoint.post("/api/v1/manage/exports", scope="manage", key=SECRET, takes_turn=True)
async def manage_exports_create(db: Db, account: Account, new: NewExport, now: datetime) -> ExportCreated:
    """Start an export of a table, or of the fans of a search; `export.completed` announces the file.

    409 when 100 exports run or 1,000 files are there.
    """
    return await actions.create_export(db, account, new, now)


@endpoint.get("/api/v1/manage/exports/{export_uid}", scope="manage", key=SECRET)
async def manage_exports_get(db: Db, account: Account, target: OneExport) -> Export:
    """Return an export with the manifest of its file: rows, bytes, checksum, watermark."""
    return await queries.export_of(db, account.id, target.export_uid)


@endpoint.delete("/api/v1/manage/exports/{export_uid}", scope="manage", key=SECRET)
async def manage_exports_delete(db: Db, account: Account, target: OneExport, now: datetime) -> bool:
    """Delete an export with its file, and end it if it runs."""
    await actions.delete_export(db, account.id, target.export_uid, now)
    return True


@endpoint.post("/api/v1/manage/exports/{export_uid}/deliver", scope="manage", key=SECRET)
async def manage_exports_deliver(db: Db, account: Account, target: OneExport, now: datetime) -> bool:
    """Send the file of an export to the storage that did not take it before; return whether there is such a file.

    There is none if the export did not fail so, or once its file or its storage was deleted.
    """
    return await actions.deliver_again(db, account.id, target.export_uid, now)


@endpoint.post("/api/v1/manage/exports/{export_uid}/link", scope="manage", key=SECRET, has_secret_answer=True)
async def manage_exports_link(db: Db, account: Account, new: NewLink, now: datetime) -> ExportLink:
    """Return a link with which anybody can fetch the file, as soon as it is complete, until the link ends."""
    return await links.create_link(db, account.id, new, now)
