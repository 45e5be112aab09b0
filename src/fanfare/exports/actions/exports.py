"""Creates and deletes exports."""

import uuid
from datetime import datetime
from importlib.util import find_spec

import msgspec

from fanfare.exports.schemas.exports import ExportCreated, NewExport
from fanfare.exports.topics import EXPORT_CREATED, EXPORT_DELETED
from fanfare.kernel.callers import Account
from fanfare.kernel.data import files
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.search.actions.running import complete_search

# Exports of an account that run, or whose files are there.
MAX_RUNNING, MAX_FILES = 100, 1000


class TooManyExports(Conflict):
    """100 exports are running, or 1,000 files are there; delete some"""


CREATE = Sql(f"""
    with {HOLD},
    created as (
        insert into exports (account_id, export_id, export_uid, table_name, file_format, export_name, search_uid,
                             export_state, watermark, created_at, updated_at, schedule_id, retention_days)
        select $1, nextval('positions'), gen_random_uuid(), :table, :format, :name, :search_uid, 'running', :watermark,
               :now, :now, :schedule_id, :retention_days
        from hold
        where (select count(*) from exports where account_id = $1 and export_state = 'running') < :most_running
          and (select count(*) from exports where account_id = $1 and has_file) < :most_files
        returning export_id, export_uid
    ),
    announced as (
        {announce(EXPORT_CREATED, "created", position="export_id", at=":now")}
    )
    select export_uid from created
""")  # noqa: S608 - fixed parts


class Origin(msgspec.Struct, frozen=True):
    """The schedule of an export, if any, and for how long its file stays."""

    schedule_id: int | None = None
    retention_days: int = 7


async def create_export(
    db: Db, account: Account, new: NewExport, now: datetime, *, origin: Origin | None = None
) -> ExportCreated:
    """Start an export; Unknown (404) for a search that is not there, Conflict (409) with too many."""
    check_format(new.format)
    if new.search_uid is not None:
        await complete_search(db, account, new.search_uid, now)
    watermark = await settled(db.independent(), account.id)
    named = {**msgspec.structs.asdict(new), **msgspec.structs.asdict(origin or Origin()), "format": new.format or "csv"}
    bounds = {"most_running": MAX_RUNNING, "most_files": MAX_FILES}
    export_uid = await db.value(CREATE, account.id, **named, **bounds, watermark=watermark, now=now)
    if export_uid is None:
        raise TooManyExports
    return ExportCreated(export_uid)


def check_format(file_format: str | None) -> None:
    """Refuse (422) a format that this installation cannot write."""
    if file_format == "parquet" and find_spec("pyarrow") is None:
        raise BadParameters([("format", "parquet needs pyarrow: pip install 'fanfare[parquet]'")])


DELETE = announced_deletion(
    EXPORT_DELETED, "delete from exports where account_id = $1 and export_uid = $2", returning="export_uid"
)


async def delete_export(db: Db, account_id: int, export_uid: uuid.UUID, now: datetime) -> None:
    """Delete an export with its file; one that runs ends. Unknown (404)."""
    async with db.transaction() as tx:
        if await tx.value(DELETE, account_id, export_uid, now) is None:
            raise Unknown(export=export_uid)
        await files.delete_file(tx, account_id, export_uid)
