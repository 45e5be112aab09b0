"""Reads schedules of exports."""

import uuid
from datetime import datetime

from fanfare.exports.schemas.schedules import ROWS, CurrentSchedule, ExportSchedule, ScheduleMeta, ScheduleWindow
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page, below, newest_first
from fanfare.kernel.errors import Unknown

COLUMNS = """
    s.schedule_id, s.schedule_uid, s.schedule_name as name, s.table_name as table, s.file_format as format, s.search,
    s.frequency, s.schedule_hour as hour, s.weekday, s.month_day, s.retention_days, s.is_active,
    floor(extract(epoch from s.next_run_at))::bigint as next_run_timestamp,
    floor(extract(epoch from s.last_run_at))::bigint as last_run_timestamp, s.last_failure,
    (select st.storage_uid from storages st where st.account_id = $1 and st.storage_id = s.storage_id) as storage_uid,
    e.export_uid as last_export_uid, e.export_state as last_export_state,
    floor(extract(epoch from s.created_at))::bigint as creation_timestamp,
    floor(extract(epoch from s.updated_at))::bigint as last_update_timestamp
"""
SOURCE = """
    export_schedules s
    left join lateral (
        select export_uid, export_state from exports
        where account_id = $1 and schedule_id = s.schedule_id order by export_id desc limit 1) e on true
"""
CURRENT = """
    schedule_id, schedule_uid, schedule_name, table_name, file_format, search, frequency, schedule_hour, weekday,
    month_day, retention_days, is_active,
    (select st.storage_uid from storages st where st.account_id = $1 and st.storage_id = export_schedules.storage_id)
        as storage_uid
"""


async def schedules(db: Db, account_id: int, query: ScheduleWindow) -> Page[ScheduleMeta, ExportSchedule]:
    """Return schedules, the newest first."""
    limit, bound = query.limit or ROWS, await settled(db, account_id)
    rows = await db.rows(
        f"""
        select {COLUMNS} from {SOURCE}
        where s.account_id = $1 and s.schedule_id < $2 order by s.schedule_id desc limit $3
        """,  # noqa: S608 - fixed parts
        account_id,
        below(query.max_schedule_id, bound),
        limit + 1,
    )
    data = [ExportSchedule(**row) for row in rows[:limit]]
    return newest_first(ScheduleMeta, data, "schedule_id", query.max_schedule_id, has_more=len(rows) > limit)


async def schedule_of(db: Db, account_id: int, schedule_uid: uuid.UUID) -> ExportSchedule:
    """Return a schedule; Unknown (404)."""
    row = await db.row(
        f"select {COLUMNS} from {SOURCE} where s.account_id = $1 and s.schedule_uid = $2",  # noqa: S608 - fixed parts
        account_id,
        schedule_uid,
    )
    if row is None:
        raise Unknown(schedule=schedule_uid)
    return ExportSchedule(**row)


async def current_schedule(db: Db, account_id: int, schedule_uid: uuid.UUID) -> CurrentSchedule:
    """Return the row of a schedule, locked in the caller's transaction; Unknown (404)."""
    row = await db.row(
        f"select {CURRENT} from export_schedules where account_id = $1 and schedule_uid = $2 for no key update",  # noqa: S608 - fixed parts
        account_id,
        schedule_uid,
    )
    if row is None:
        raise Unknown(schedule=schedule_uid)
    return CurrentSchedule(**row)


async def due_schedules(db: Db, account_id: int, now: datetime) -> list[CurrentSchedule]:
    """Return the schedules of an account that are due, the longest due first."""
    rows = await db.rows(
        f"""
        select {CURRENT} from export_schedules
        where account_id = $1 and is_active and next_run_at <= $2 order by next_run_at, schedule_id limit 100
        """,  # noqa: S608 - fixed parts
        account_id,
        now,
    )
    return [CurrentSchedule(**row) for row in rows]


async def active_schedules(db: Db, account_id: int) -> list[CurrentSchedule]:
    """Return the schedules of an account that run, locked in the caller's transaction."""
    rows = await db.rows(
        f"""
        select {CURRENT} from export_schedules
        where account_id = $1 and is_active order by schedule_id for no key update
        """,  # noqa: S608 - fixed parts
        account_id,
    )
    return [CurrentSchedule(**row) for row in rows]


async def accounts_due(db: Db, now: datetime) -> list[int]:
    """Return the accounts with a schedule that is due."""
    # One query for all accounts.
    rows = await db.rows(
        "select distinct account_id from export_schedules"
        " where account_id is not null and is_active and next_run_at <= $1 order by 1",
        now,
    )
    return [row["account_id"] for row in rows]
