"""Creates, updates and deletes performances, and writes the schedules of fans."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import BadParameters, Unknown, faults_of
from fanfare.performances.schemas import NewPerformance, PerformanceChanges
from fanfare.performances.topics import (
    PERFORMANCE_CREATED,
    PERFORMANCE_DELETED,
    PERFORMANCE_UPDATED,
    SCHEDULE_ADDED,
    SCHEDULE_REMOVED,
)
from fanfare.places.provinces import venue_province

TABLES = ("fan_performances", "fan_events")


PERFORMANCE = Columns(PerformanceChanges, key=("performance_uid",))
CREATE_PERFORMANCE = f"""
    with {HOLD},
    saved as (
        insert into performances (account_id, performance_uid, created_at, updated_at, {PERFORMANCE})
        select $1, $2, $4, $4, {PERFORMANCE} from jsonb_populate_record(null::performances, $3)
        returning performance_uid
    ),
    announced as (
        {announce(PERFORMANCE_CREATED, "saved", at="$4")}
    )
    select performance_uid from saved
"""  # noqa: S608 - fixed parts
CHANGE_PERFORMANCE = f"""
    with {HOLD},
    saved as (
        update performances p
        set {PERFORMANCE.assignments("p", "$3")}, updated_at = $4
        where p.account_id = $1 and p.performance_uid = $2
        returning p.performance_uid
    ),
    announced as (
        {announce(PERFORMANCE_UPDATED, "saved", at="$4", fields="$5::text[]")}
    )
    select performance_uid from saved
"""  # noqa: S608 - fixed parts
# Values of fields left out when a performance is created.
DEFAULTS = {"status": "draft", "additional_artist_names": ()}


async def create_performance(db: Db, account_id: int, new: NewPerformance, now: datetime) -> uuid.UUID:
    """Create a performance and return its uid; BadParameters (422) for an unknown business or campaign."""
    fields = DEFAULTS | await _fields(db, account_id, new)
    performance_uid: uuid.UUID = await db.value(
        CREATE_PERFORMANCE, account_id, uuid.uuid4(), PERFORMANCE.record(fields), now
    )
    return performance_uid


async def change_performance(db: Db, account_id: int, changes: PerformanceChanges, now: datetime) -> uuid.UUID:
    """Update the fields sent of a performance and return its uid; Unknown (404), or errors as `create_performance`."""
    fields = await _fields(db, account_id, changes)
    record = PERFORMANCE.record(fields)
    uid = changes.performance_uid
    if not await db.value(CHANGE_PERFORMANCE, account_id, uid, record, now, list(fields)):
        raise Unknown(performance=uid)
    return uid


async def _fields(db: Db, account_id: int, new: NewPerformance) -> dict[str, Any]:
    await _check(db, account_id, new.business_id, new.referral_page_tab_id)
    fields = PERFORMANCE.sent_fields(new)
    if "province" in fields:
        fields["province"] = venue_province(new.country_code, fields["province"])
    return fields


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of a performance's business_id and referral_page_tab_id, as (name, message)."""
    return await faults_of(_check(db, account.id, values.get("business_id"), values.get("referral_page_tab_id")))


async def _check(db: Db, account_id: int, business_id: int | None, page_tab_id: int | None) -> None:
    row = await db.row(
        """
        select $2::bigint is null or exists (
                   select from businesses where account_id = $1 and business_id = $2) as has_business,
               $3::bigint is null or exists (
                   select from campaigns where account_id = $1 and page_tab_id = $3) as has_campaign
        """,
        account_id,
        business_id,
        page_tab_id,
    )
    if row is None or not (row["has_business"] and row["has_campaign"]):
        missing = [] if row and row["has_business"] else [("business_id", "is not a business of this account")]
        if row and not row["has_campaign"]:
            missing.append(("referral_page_tab_id", "is not a campaign of this account"))
        raise BadParameters(missing)


DELETE_PERFORMANCE = announced_deletion(
    PERFORMANCE_DELETED,
    "delete from performances where account_id = $1 and performance_uid = $2",
    returning="performance_uid",
)


async def delete_performance(db: Db, account_id: int, performance_uid: uuid.UUID, now: datetime) -> None:
    """Delete a performance, its entries in schedules, and its references in idol events; Unknown (404)."""
    # Retries deadlocks: a concurrent write of an idol event can lock the two rows in the other order.
    deleted = await db.retry_conflicts(lambda tx: tx.value(DELETE_PERFORMANCE, account_id, performance_uid, now))
    if deleted is None:
        raise Unknown(performance=performance_uid)


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


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move one fan's schedule to another."""
    await check_fan(db, account_id, fan_id)
    await db.execute(
        """
        with move_events as (
            insert into fan_events (account_id, fan_id, event_uid, created_at)
            select account_id, $3, event_uid, created_at from fan_events where account_id = $1 and fan_id = $2
            on conflict (account_id, fan_id, event_uid) do nothing
        )
        insert into fan_performances (account_id, fan_id, performance_uid, created_at)
        select account_id, $3, performance_uid, created_at
        from fan_performances where account_id = $1 and fan_id = $2
        on conflict (account_id, fan_id, performance_uid) do nothing
        """,
        account_id,
        old_fan_id,
        fan_id,
    )
    await forget_fan(db, account_id, old_fan_id)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete a fan's schedule."""
    await db.execute(
        """
        with delete_events as (delete from fan_events where account_id = $1 and fan_id = $2)
        delete from fan_performances where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )
