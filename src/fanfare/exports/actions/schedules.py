"""Schedules of exports: created, schedule, and run when they are due, each time once however many workers there are."""

import calendar
import uuid
from datetime import UTC, date, datetime, timedelta

import msgspec
import structlog

from fanfare.accounts.queries import account_by_id
from fanfare.exports.actions.exports import Origin, check_format, create_export
from fanfare.exports.actions.references import check_references
from fanfare.exports.queries.schedules import active_schedules, current_schedule, due_schedules
from fanfare.exports.schemas.exports import NewExport
from fanfare.exports.schemas.schedules import (
    DEFAULT_DAYS,
    CurrentSchedule,
    NewSchedule,
    ScheduleChanges,
    ScheduleSaved,
    fan_search,
    stored_search,
)
from fanfare.exports.topics import (
    EXPORT_SCHEDULE_CREATED,
    EXPORT_SCHEDULE_DELETED,
    EXPORT_SCHEDULE_FAILED,
    EXPORT_SCHEDULE_UPDATED,
)
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.faults import description_of, is_transient
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.data.updates import sent_fields
from fanfare.kernel.errors import BadParameters, Conflict, Refusal, Unknown
from fanfare.kernel.wire.times import day_of
from fanfare.kernel.wire.zones import zone_of
from fanfare.search.actions.running import start_search
from fanfare.storages.queries.storages import storage_of

log = structlog.get_logger()

# Of an account.
MAX_SCHEDULES = 100
DAYS = {"weekly": "weekday", "monthly": "month_day"}


class TooManySchedules(Conflict):
    """The account has 100 schedules; delete some"""


def next_run(schedule: NewSchedule | CurrentSchedule, hour: int, zone: str, now: datetime) -> datetime:
    """Return the first moment of a schedule behind `now`, by the clock of a time zone."""
    here = zone_of(zone)
    day = day_of(now, zone)
    while True:
        moment = datetime(day.year, day.month, day.day, hour, tzinfo=here).astimezone(UTC)
        if _is_due(schedule, day) and moment > now:
            return moment
        day += timedelta(days=1)


def _is_due(schedule: NewSchedule | CurrentSchedule, day: date) -> bool:
    if schedule.frequency == "weekly":
        return day.isoweekday() == schedule.weekday
    if schedule.frequency == "monthly":
        return day.day == min(schedule.month_day or 1, calendar.monthrange(day.year, day.month)[1])
    return True


CREATE = Sql(f"""
    with {HOLD},
    created as (
        insert into export_schedules (account_id, schedule_id, schedule_uid, schedule_name, table_name, file_format,
                                      search, frequency, schedule_hour, weekday, month_day, retention_days, is_active,
                                      next_run_at, created_at, updated_at, storage_id)
        select $1, nextval('positions'), gen_random_uuid(), :name, :table, :format, :search, :frequency, :hour,
               :weekday, :month_day, :retention_days, true, :next_run_at, :now, :now,
               (select st.storage_id from storages st where st.account_id = $1 and st.storage_uid = :storage_uid)
        from hold
        where (select count(*) from export_schedules where account_id = $1) < :max_count
        returning schedule_id, schedule_uid
    ),
    announced as (
        {announce(EXPORT_SCHEDULE_CREATED, "created", position="schedule_id", at=":now")}
    )
    select schedule_uid from created
""")  # noqa: S608 - fixed parts


async def create_schedule(db: Db, account: Account, new: NewSchedule, now: datetime) -> ScheduleSaved:
    """Create a schedule; Conflict (409) with too many, BadParameters (422) for a format that cannot be written.

    Unknown (404) for a storage that is not there.
    """
    check_format(new.format)
    if new.storage_uid is not None:
        await storage_of(db, account.id, new.storage_uid)
    moment = next_run(new, new.hour, account.time_zone, now)
    named = {
        **msgspec.structs.asdict(new), "search": stored_search(new.search) if new.search is not None else None,
        "format": new.format or "csv", "max_count": MAX_SCHEDULES, "now": now,
        "retention_days": new.retention_days or DEFAULT_DAYS, "next_run_at": moment,
    }  # fmt: skip
    async with db.transaction() as tx:
        await check_references(tx, account, new, now)
        schedule_uid = await tx.value(CREATE, account.id, **named)
    if schedule_uid is None:
        raise TooManySchedules
    return ScheduleSaved(schedule_uid, int(moment.timestamp()))


UPDATE = Sql(f"""
    with {HOLD},
    updated as (
        update export_schedules
        set schedule_name = :schedule_name, frequency = :frequency, schedule_hour = :schedule_hour, weekday = :weekday,
            month_day = :month_day, retention_days = :retention_days, is_active = :is_active,
            next_run_at = :next_run_at, updated_at = :now,
            storage_id = (
                select st.storage_id from storages st where st.account_id = $1 and st.storage_uid = :storage_uid)
        where account_id = $1 and schedule_id = :schedule_id
        returning schedule_uid
    )
    {announce(EXPORT_SCHEDULE_UPDATED, "updated", at=":now", fields=":fields::text[]")}
""")  # noqa: S608 - fixed parts
COLUMNS = {"hour": "schedule_hour", "name": "schedule_name"}
UNCHANGED = ("schedule_uid", "table_name", "file_format", "search")


async def change_schedule(db: Db, account: Account, changes: ScheduleChanges, now: datetime) -> ScheduleSaved:
    """Update the fields sent of a schedule, which then runs at its next time; Unknown (404), BadParameters (422)."""
    fields = {name: value for name, value in sent_fields(changes).items() if name != "schedule_uid"}
    if fields.get("storage_uid") is not None:
        await storage_of(db, account.id, fields["storage_uid"])
    async with db.transaction() as tx:
        current = await current_schedule(tx, account.id, changes.schedule_uid)
        values = {COLUMNS.get(name, name): value for name, value in fields.items()}
        schedule = msgspec.structs.replace(current, **values)
        if "frequency" in fields:
            schedule = msgspec.structs.replace(schedule, **{name: values.get(name) for name in DAYS.values()})
        _check_day(schedule)
        moment = next_run(schedule, schedule.schedule_hour, account.time_zone, now)
        columns = {name: value for name, value in msgspec.structs.asdict(schedule).items() if name not in UNCHANGED}
        await tx.execute(UPDATE, account.id, **columns, next_run_at=moment, now=now, fields=list(fields))
    return ScheduleSaved(changes.schedule_uid, int(moment.timestamp()))


def _check_day(schedule: CurrentSchedule) -> None:
    for frequency, field in DAYS.items():
        is_needed = schedule.frequency == frequency
        if is_needed != (getattr(schedule, field) is not None):
            words = "required" if is_needed else "only accepted"
            raise BadParameters([(field, f"is {words} with the frequency {frequency}")])


DELETE = announced_deletion(
    EXPORT_SCHEDULE_DELETED,
    "delete from export_schedules where account_id = $1 and schedule_uid = $2",
    returning="schedule_uid",
)


async def delete_schedule(db: Db, account_id: int, schedule_uid: uuid.UUID, now: datetime) -> None:
    """Delete a schedule; its exports and their files stay. Unknown (404)."""
    if await db.value(DELETE, account_id, schedule_uid, now) is None:
        raise Unknown(schedule=schedule_uid)


# Whoever moves the next run on makes the export: nobody else does it again.
CLAIM = """
    update export_schedules set next_run_at = $4, last_run_at = $3, last_failure = null
    where account_id = $1 and schedule_id = $2 and is_active and next_run_at <= $3
    returning schedule_id
"""


async def run_due(db: Db, account_id: int, now: datetime) -> None:
    """Start an export for each schedule of an account that is due, also when one of them cannot run.

    One that could not run for now stays due; its error is raised after the others.
    """
    account = await account_by_id(db, account_id)
    errors: list[Exception] = []
    for schedule in await due_schedules(db, account_id, now):
        moment = next_run(schedule, schedule.schedule_hour, account.time_zone, now)
        try:
            await _run(db, account, schedule, moment, now)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others run
            if is_transient(error):
                errors.append(error)
                continue
            if not isinstance(error, Refusal):
                log.warning("schedule failed", schedule_uid=str(schedule.schedule_uid), error=type(error).__name__)
            await db.execute(FAIL, account_id, schedule.schedule_id, now, moment, description_of(error))
    if errors:
        raise errors[0]


async def _run(db: Db, account: Account, schedule: CurrentSchedule, moment: datetime, now: datetime) -> None:
    search_uid = await _search(db, account, schedule, now)
    new = NewExport(
        table=schedule.table_name,
        format=schedule.file_format,
        search_uid=search_uid,
        name=schedule.schedule_name,
        storage_uid=schedule.storage_uid,
    )
    origin = Origin(schedule.schedule_id, schedule.retention_days)
    async with db.transaction() as tx:
        if await tx.value(CLAIM, account.id, schedule.schedule_id, now, moment) is not None:
            await create_export(tx, account, new, now, origin=origin)


async def _search(db: Db, account: Account, schedule: CurrentSchedule, now: datetime) -> uuid.UUID | None:
    """Search the fans of a schedule as they are now; None for all rows of a table."""
    if schedule.search is None:
        return None
    query = msgspec.structs.replace(fan_search(schedule.search), limit=0)
    return (await start_search(db, account, query, now, _no_rows)).meta.search_uid


class FoundFan(msgspec.Struct):
    """A fan of a search."""

    fan_id: int


async def _no_rows(*_: object) -> list[FoundFan]:
    return []


async def reschedule(db: Db, account: Account, now: datetime) -> int:
    """Let all active schedules run next at their hour by the account's time zone; return how many there are."""
    schedules = await active_schedules(db, account.id)
    for each in schedules:
        moment = next_run(each, each.schedule_hour, account.time_zone, now)
        sql = "update export_schedules set next_run_at = $3 where account_id = $1 and schedule_id = $2"
        await db.execute(sql, account.id, each.schedule_id, moment)
    return len(schedules)


FAIL = f"""
    with {HOLD},
    failed as (
        update export_schedules set next_run_at = $4, last_run_at = $3, last_failure = $5
        where account_id = $1 and schedule_id = $2 and is_active and next_run_at <= $3
        returning schedule_uid
    )
    {announce(EXPORT_SCHEDULE_FAILED, "failed", at="$3", export_uid="null::uuid")}
"""  # noqa: S608 - fixed parts
