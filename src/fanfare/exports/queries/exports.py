"""Reads exports."""

import uuid

from fanfare.exports.schemas.exports import ROWS, CurrentExport, Export, ExportMeta, ExportWindow
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page, below, newest_first
from fanfare.kernel.errors import Unknown

COLUMNS = """
    e.export_id, e.export_uid, table_name as table, file_format as format, export_name as name, search_uid,
    export_state as state, has_file, st.storage_uid, 's3://' || e.bucket || '/' || e.object_key as destination,
    table_name || '.' || file_format || case when file_format = 'parquet' then '' else '.gz' end as file_name,
    row_count, content_bytes, file_bytes, encode(sha256, 'hex') as sha256, watermark, failure,
    floor(extract(epoch from e.created_at))::bigint as creation_timestamp,
    floor(extract(epoch from finished_at))::bigint as finish_timestamp
"""
SOURCE = "exports e left join storages st on st.account_id = $1 and st.storage_id = e.storage_id"
CURRENT = """
    export_id, export_uid, table_name, file_format, has_rows, search_uid, watermark, last_key, row_count,
    content_bytes, file_bytes, checksum, failure_count, last_place,
    object_key is not null as has_destination, created_at
"""


async def exports(db: Db, account_id: int, query: ExportWindow) -> Page[ExportMeta, Export]:
    """Return exports, the newest first."""
    limit, bound = query.limit or ROWS, await settled(db, account_id)
    rows = await db.rows(
        f"""
        select {COLUMNS} from {SOURCE}
        where e.account_id = $1 and e.export_id < $2 and ($4::uuid is null or e.schedule_id = (
            select s.schedule_id from export_schedules s where s.account_id = $1 and s.schedule_uid = $4))
        order by e.export_id desc limit $3
        """,  # noqa: S608 - fixed parts
        account_id,
        below(query.max_export_id, bound),
        limit + 1,
        query.schedule_uid,
    )
    data = [Export(**row) for row in rows[:limit]]
    return newest_first(ExportMeta, data, "export_id", query.max_export_id, has_more=len(rows) > limit)


async def export_of(db: Db, account_id: int, export_uid: uuid.UUID) -> Export:
    """Return an export; Unknown (404)."""
    row = await db.row(
        f"select {COLUMNS} from {SOURCE} where e.account_id = $1 and e.export_uid = $2",  # noqa: S608 - fixed parts
        account_id,
        export_uid,
    )
    if row is None:
        raise Unknown(export=export_uid)
    return Export(**row)


async def accounts_due(db: Db) -> list[int]:
    """Return the accounts with an export to work on."""
    # One query for all accounts.
    rows = await db.rows(
        "select distinct account_id from exports where account_id is not null and export_state = 'running' order by 1"
    )
    return [row["account_id"] for row in rows]


async def next_export(db: Db, account_id: int) -> CurrentExport | None:
    """Return the oldest export of an account to work on that no other worker has, locked; None if there is none."""
    row = await db.row(
        f"""
        select {CURRENT} from exports where account_id = $1 and export_state = 'running'
        order by export_id limit 1 for no key update skip locked
        """,  # noqa: S608 - fixed parts
        account_id,
    )
    return None if row is None else CurrentExport(**row)
