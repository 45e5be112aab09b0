"""Over HTTP: schedules of exports."""

from datetime import datetime

from fanfare.exports.actions import schedules as actions
from fanfare.exports.queries import schedules as queries
from fanfare.exports.schemas.schedules import (
    ExportSchedule,
    NewSchedule,
    OneSchedule,
    ScheduleChanges,
    ScheduleMeta,
    ScheduleSaved,
    ScheduleWindow,
)
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/export_schedules", scope="manage", key=SECRET)
async def manage_export_schedules_list(
    db: Db, account: Account, query: ScheduleWindow
) -> Page[ScheduleMeta, ExportSchedule]:
    """List schedules of exports, the newest first, with their next run and their last result."""
    return await queries.schedules(db, account.id, query)


@endpoint.post("/api/v1/manage/export_schedules", scope="manage", key=SECRET)
async def manage_export_schedules_create(db: Db, account: Account, new: NewSchedule, now: datetime) -> ScheduleSaved:
    """Create a schedule of exports; `export_schedule.completed` announces each file. 409 when there are 100."""
    return await actions.create_schedule(db, account, new, now)


@endpoint.get("/api/v1/manage/export_schedules/{schedule_uid}", scope="manage", key=SECRET)
async def manage_export_schedules_get(db: Db, account: Account, target: OneSchedule) -> ExportSchedule:
    """Return a schedule of exports with its next run and its last result."""
    return await queries.schedule_of(db, account.id, target.schedule_uid)


@endpoint.post("/api/v1/manage/export_schedules/{schedule_uid}", scope="manage", key=SECRET)
async def manage_export_schedules_update(
    db: Db, account: Account, changes: ScheduleChanges, now: datetime
) -> ScheduleSaved:
    """Update the fields sent of a schedule; with `is_active` it is stopped, and begins again at its next time."""
    return await actions.change_schedule(db, account, changes, now)


@endpoint.delete("/api/v1/manage/export_schedules/{schedule_uid}", scope="manage", key=SECRET)
async def manage_export_schedules_delete(db: Db, account: Account, target: OneSchedule, now: datetime) -> bool:
    """Delete a schedule; its exports stay as long as their files do."""
    await actions.delete_schedule(db, account.id, target.schedule_uid, now)
    return True
