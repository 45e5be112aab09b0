"""Writes what fans put on their schedule: idol events and performances."""

import uuid
from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.performances.topics import SCHEDULE_ADDED, SCHEDULE_REMOVED

# A schedule has idol events and performances. Each kind has a table of links to fans; both tables name it by `{key}`.
ADD_TO_SCHEDULE = f"""
    with {HOLD},
    item as (
        select f.fan_id, i.{{key}} from fans f
        join {{items}} i on i.account_id = f.account_id and i.{{key}} = $3
        where f.account_id = $1 and f.fan_id = $2
    ),
    added as (
        insert into {{links}} (account_id, fan_id, {{key}}, created_at)
        select $1, fan_id, {{key}}, $4 from item
        on conflict (account_id, fan_id, {{key}}) do nothing
        returning fan_id, {{key}}
    ),
    announced as (
        {announce(SCHEDULE_ADDED, "added", subject="'{kind}:' || added.{key}", at="$4")}
    )
    select fan_id from item
"""  # noqa: S608 - fixed parts
REMOVE_FROM_SCHEDULE = f"""
    with {HOLD},
    removed as (
        delete from {{links}} where account_id = $1 and fan_id = $2 and {{key}} = $3
        returning fan_id, {{key}}
    ),
    announced as (
        {announce(SCHEDULE_REMOVED, "removed", subject="'{kind}:' || removed.{key}", at="$4")}
    )
    select fan_id from removed
"""  # noqa: S608 - fixed parts
EVENT_LINK = {"kind": "event", "items": "idol_events", "links": "fan_events", "key": "event_uid"}
PERFORMANCE_LINK = {
    "kind": "performance", "items": "performances", "links": "fan_performances", "key": "performance_uid",
}  # fmt: skip
ADD_EVENT, REMOVE_EVENT = ADD_TO_SCHEDULE.format(**EVENT_LINK), REMOVE_FROM_SCHEDULE.format(**EVENT_LINK)
ADD_PERFORMANCE = ADD_TO_SCHEDULE.format(**PERFORMANCE_LINK)
REMOVE_PERFORMANCE = REMOVE_FROM_SCHEDULE.format(**PERFORMANCE_LINK)


async def add_event(db: Db, account_id: int, fan_id: int, event_uid: uuid.UUID, now: datetime) -> None:
    """Add an idol event to a fan's schedule, unless it is there. Unknown (404) fan or event."""
    exists = await db.value(
        ADD_EVENT,
        account_id,
        fan_id,
        event_uid,
        now,
    )
    if exists is None:
        raise Unknown(fan=fan_id, idol_event=event_uid)


async def remove_event(db: Db, account_id: int, fan_id: int, event_uid: uuid.UUID, now: datetime) -> None:
    """Remove an idol event from a fan's schedule. Unknown (404) if it is not on it."""
    deleted = await db.value(
        REMOVE_EVENT,
        account_id,
        fan_id,
        event_uid,
        now,
    )
    if deleted is None:
        message = "The event is not on the fan's schedule"
        raise Unknown(message)


async def add_performance(db: Db, account_id: int, fan_id: int, performance_uid: uuid.UUID, now: datetime) -> None:
    """Add a performance to a fan's schedule, unless it is there. Unknown (404) fan or performance."""
    exists = await db.value(
        ADD_PERFORMANCE,
        account_id,
        fan_id,
        performance_uid,
        now,
    )
    if exists is None:
        raise Unknown(fan=fan_id, performance=performance_uid)


async def remove_performance(db: Db, account_id: int, fan_id: int, performance_uid: uuid.UUID, now: datetime) -> None:
    """Remove a performance from a fan's schedule. Unknown (404) if it is not on it."""
    deleted = await db.value(
        REMOVE_PERFORMANCE,
        account_id,
        fan_id,
        performance_uid,
        now,
    )
    if deleted is None:
        message = "The performance is not on the fan's schedule"
        raise Unknown(message)
