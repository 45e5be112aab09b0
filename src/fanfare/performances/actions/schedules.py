"""Writes what fans put on their schedule: idol events and performances."""

import uuid
from datetime import datetime
from typing import NamedTuple

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


class Link(NamedTuple):
    """How fans and one kind of item on their schedules are linked."""

    kind: str
    noun: str
    add: str
    remove: str


EVENT = {"kind": "event", "items": "idol_events", "links": "fan_events", "key": "event_uid"}
PERFORMANCE = {"kind": "performance", "items": "performances", "links": "fan_performances", "key": "performance_uid"}
EVENTS = Link("event", "idol_event", ADD_TO_SCHEDULE.format(**EVENT), REMOVE_FROM_SCHEDULE.format(**EVENT))
PERFORMANCES = Link(
    "performance", "performance", ADD_TO_SCHEDULE.format(**PERFORMANCE), REMOVE_FROM_SCHEDULE.format(**PERFORMANCE)
)


async def add(db: Db, account_id: int, fan_id: int, link: Link, uid: uuid.UUID, now: datetime) -> None:
    """Add an item to a fan's schedule, unless it is there. Unknown (404) fan or item."""
    if await db.value(link.add, account_id, fan_id, uid, now) is None:
        raise Unknown(None, fan=fan_id, **{link.noun: uid})


async def remove(db: Db, account_id: int, fan_id: int, link: Link, uid: uuid.UUID, now: datetime) -> None:
    """Remove an item from a fan's schedule. Unknown (404) if it is not on it."""
    if await db.value(link.remove, account_id, fan_id, uid, now) is None:
        message = f"The {link.kind} is not on the fan's schedule"
        raise Unknown(message)
