"""Creates and deletes exports."""

import uuid
from datetime import UTC, datetime
from importlib.util import find_spec

import msgspec

from fanfare.exports.actions.endings import DELIVER_AGAIN, abandon
from fanfare.exports.queries.exports import export_of
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
from fanfare.storages.queries.storages import storage_of

# Exports of an account that run, or whose files are there.
MAX_RUNNING, MAX_FILES = 100, 1000


class TooManyExports(Conflict):
    """100 exports are running, or 1,000 files are there; delete some"""


CREATE = Sql(f"""
    with {HOLD},
    created as (
        insert into exports (account_id, export_id, export_uid, table_name, file_format, export_name, search_uid,
                             export_state, watermark, created_at, updated_at, schedule_id, retention_days, storage_id,
                             bucket, object_key)
        select $1, nextval('positions'), :export_uid, :table, :format, :name, :search_uid, 'running', :watermark,
               :now, :now, :schedule_id, :retention_days, st.storage_id, st.bucket, st.key_prefix || :file_key
        from hold left join storages st on st.account_id = $1 and st.storage_uid = :storage_uid
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
    """Start an export; Unknown (404) for a search or a storage that is not there, Conflict (409) with too many."""
    check_format(new.format)
    if new.storage_uid is not None:
        await storage_of(db, account.id, new.storage_uid)
    if new.search_uid is not None:
        await complete_search(db, account, new.search_uid, now)
    watermark = await settled(db.independent(), account.id)
    named = {**msgspec.structs.asdict(new), **msgspec.structs.asdict(origin or Origin()), "format": new.format or "csv"}
    bounds = {"most_running": MAX_RUNNING, "most_files": MAX_FILES}
    uid = uuid.uuid4()
    place = {"export_uid": uid, "file_key": _file_key(new, uid, now)}
    export_uid = await db.value(CREATE, account.id, **named, **bounds, **place, watermark=watermark, now=now)
    if export_uid is None:
        raise TooManyExports
    return ExportCreated(export_uid)


def _file_key(new: NewExport, export_uid: uuid.UUID, now: datetime) -> str:
    """Return what a file is called in a storage: in a folder of its table, by its time, and by itself."""
    ending = "parquet" if new.format == "parquet" else f"{new.format or 'csv'}.gz"
    return f"{new.table}/{new.table}_{now.astimezone(UTC):%Y%m%dT%H%M%SZ}_{export_uid.hex[:8]}.{ending}"


def check_format(file_format: str | None) -> None:
    """Refuse (422) a format that this installation cannot write."""
    if file_format == "parquet" and find_spec("pyarrow") is None:
        raise BadParameters([("format", "parquet needs pyarrow: pip install 'fanfare[parquet]'")])


DELETE = announced_deletion(
    EXPORT_DELETED, "delete from exports where account_id = $1 and export_uid = $2", returning="export_uid"
)


async def delete_export(db: Db, account_id: int, export_uid: uuid.UUID, now: datetime) -> None:
    """Delete an export with its file here; one that runs ends, also on its way to a storage. Unknown (404)."""
    async with db.transaction() as tx:
        export = await export_of(tx, account_id, export_uid)
        # In this order the worker that completes it takes both.
        await abandon(tx, account_id, export.export_id, now)
        if await tx.value(DELETE, account_id, export_uid, now) is None:
            raise Unknown(export=export_uid)
        await files.delete_file(tx, account_id, export_uid)


async def deliver_again(db: Db, account_id: int, export_uid: uuid.UUID, now: datetime) -> bool:
    """Write the file of an export to the storage that did not take it; return whether there is such a file.

    Unknown (404).
    """
    export = await export_of(db, account_id, export_uid)
    return await db.value(DELIVER_AGAIN, account_id, export.export_id, now) is not None
