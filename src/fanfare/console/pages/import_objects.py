"""Imports of objects of storages: they are listed, and one is chosen."""

from datetime import datetime
from urllib.parse import urlencode

from fanfare.console.schemas.transfers import ObjectsPage, StorageImportForm
from fanfare.console.shell.access import manage
from fanfare.imports.actions import imports as actions
from fanfare.imports.actions.kinds.catalogue import KINDS
from fanfare.imports.schemas.imports import NewImport
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.pages.page import Redirect, View
from fanfare.staff.schemas.members import Member
from fanfare.storages.actions.objects import StorageFailed, objects
from fanfare.storages.queries.storages import storages
from fanfare.storages.schemas.objects import ObjectMeta, ObjectQuery, StorageObject

TEMPLATE = "console/templates/imports/objects.html"
ROWS = 50


@manage.get("/imports/objects", area="transfers", right="write")
async def import_objects(db: Db, member: Member, query: ObjectsPage) -> View:
    """Show the objects of a storage, to choose one."""
    failure = ""
    page = Page(ObjectMeta(None, 0, has_more=False), list[StorageObject]())
    if query.storage_uid is not None:
        try:
            page = await objects(db, member.account.id, _listing(query))
        except StorageFailed as failed:
            failure = failed.detail
    values = {
        "storages": [(str(each.storage_uid), each.name) for each in await storages(db, member.account.id)],
        "kinds": [(name, name) for name in KINDS],
        "chosen": str(query.storage_uid or ""),
        "prefix": query.prefix or "",
        "objects": page.data,
        "failure": failure,
        "next_path": _next_path(member, query, page) if page.meta.has_more else None,
    }
    return View(TEMPLATE, values)


def _listing(query: ObjectsPage) -> ObjectQuery:
    assert query.storage_uid is not None  # noqa: S101 - the caller's condition
    return ObjectQuery(
        storage_uid=query.storage_uid, prefix=query.prefix, last_object_key=query.last_object_key, limit=ROWS
    )


def _next_path(member: Member, query: ObjectsPage, page: Page[ObjectMeta, StorageObject]) -> str:
    values = {
        "storage_uid": str(query.storage_uid), "prefix": query.prefix or "",
        "last_object_key": page.meta.last_object_key or "",
    }  # fmt: skip
    return f"/manage/{member.account.id}/imports/objects?{urlencode(values)}"


@manage.post("/imports/objects", area="transfers")
async def import_object(db: Db, member: Member, form: StorageImportForm, now: datetime) -> Redirect:
    """Create an import that reads an object."""
    new = NewImport(kind=form.kind, name=form.name, storage_uid=form.storage_uid, object_key=form.object_key)
    created = await actions.create_import(db, member.account.id, new, now)
    return Redirect(f"/manage/{member.account.id}/imports/{created.import_uid}")
