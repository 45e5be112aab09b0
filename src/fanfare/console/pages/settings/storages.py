"""Storages: buckets of S3-compatible services for imports and exports, tried out before they are used.

Who changes them may take personal data out: to wherever they are.
"""

from datetime import datetime

from fanfare.console.pages.settings.places import path_of, setting
from fanfare.console.shell.access import manage
from fanfare.console.shell.failures import failure_text
from fanfare.console.shell.frame import flash
from fanfare.kernel.callers import Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member
from fanfare.storages.actions import objects
from fanfare.storages.actions import storages as actions
from fanfare.storages.queries.storages import storages as all_storages
from fanfare.storages.schemas.storages import NewStorage, OneStorage, StorageChanges


@manage.get("/settings/storages", area="settings")
async def storages(db: Db, member: Member) -> View:
    """Show the storages of the account."""
    may_change = member.may("transfers", "export") and member.may("transfers", "personal")
    values = {"storages": await all_storages(db, member.account.id), "may_change": may_change}
    return setting("storages", member, values)


@manage.post("/settings/storages", area="transfers", right="export", needs_proof=True)
async def storage_create(db: Db, member: Member, visit: Visit, form: NewStorage, now: datetime) -> Redirect:
    """Create a storage."""
    member.require("transfers", "personal")
    await actions.create_storage(db, member.account.id, form, now)
    flash(visit, "The storage is there; test it before you use it.")
    return Redirect(path_of("storages", member))


@manage.post("/settings/storages/{storage_uid}", area="transfers", right="export", needs_proof=True)
async def storage_update(db: Db, member: Member, visit: Visit, form: StorageChanges, now: datetime) -> Redirect:
    """Change a storage."""
    member.require("transfers", "personal")
    await actions.change_storage(db, member.account.id, form, now)
    flash(visit, "The storage is changed.")
    return Redirect(path_of("storages", member))


@manage.post("/settings/storages/{storage_uid}/test", area="transfers", right="export", takes_turn=True)
async def storage_test(db: Db, member: Member, visit: Visit, form: OneStorage, now: datetime) -> Redirect:
    """Write, read and delete a small object."""
    caller = Caller(visit.address, has_secret=True)
    result = await objects.check_storage(db, member.account, caller, form, now)
    await objects.note_test(db, member.account.id, form.storage_uid, result, now)
    if result.is_working:
        flash(visit, "The storage works: an object was written, read and deleted.")
    else:
        flash(
            visit,
            "The storage does not work: %(failure)s.",
            {"failure": failure_text(visit.language, result.failure or "")},
            kind="warn",
        )
    return Redirect(path_of("storages", member))


@manage.post("/settings/storages/{storage_uid}/delete", area="transfers", right="export", needs_proof=True)
async def storage_delete(db: Db, member: Member, visit: Visit, form: OneStorage, now: datetime) -> Redirect:
    """Delete a storage; its objects stay."""
    await actions.delete_storage(db, member.account.id, form.storage_uid, now)
    flash(visit, "The storage is deleted; its objects stay.")
    return Redirect(path_of("storages", member))
