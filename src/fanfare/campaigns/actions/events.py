"""Records views of campaigns and events reported by their apps. They are statistics and not announced."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from fanfare.campaigns.queries.checks import check_campaign
from fanfare.campaigns.schemas.stats import EventsSaved, NewEvents, NewViews, ReportedEvent, ViewsSaved
from fanfare.fans.queries.merges import successors
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.lines import LineFault, WrongLine, check_lines, line_fault, unstorable_line, write_lines
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.parameters import RequestContext
from fanfare.kernel.running.long_inputs import run_by_rows
from fanfare.kernel.wire import check_past
from fanfare.kernel.wire.times import day_of

FIELD = "events"
# Stands for a fan_id that does not exist.
NO_FAN = 0
Event = tuple[int, ReportedEvent]


def _hash(viewer: str | None, account_id: int) -> bytes:
    """Return 16 bytes of the SHA-256 of a viewer in the account; empty if the site does not identify viewers."""
    return hashlib.sha256(f"{account_id} {viewer}".encode()).digest()[:16] if viewer else b""


async def record_views(db: Db, account: Account, new: NewViews, now: datetime) -> ViewsSaved:
    """Count views of a campaign, by day in the account's time zone; Unknown (404) campaign."""
    check_past(now, viewed_at=new.viewed_at)
    day = day_of(new.viewed_at or now, account.time_zone)
    view_count = await db.value(
        """
        insert into campaign_views (account_id, page_tab_id, viewed_on, viewer_hash, view_count)
        select $1, page_tab_id, $3, $4, $5 from campaigns where account_id = $1 and page_tab_id = $2
        on conflict (account_id, page_tab_id, viewed_on, viewer_hash) do update
        set view_count = least(campaign_views.view_count::bigint + excluded.view_count, 2147483647)
        returning view_count
        """,
        account.id,
        new.page_tab_id,
        day,
        _hash(new.viewer, account.id),
        new.view_count,
    )
    if view_count is None:
        raise Unknown(campaign=new.page_tab_id)
    return ViewsSaved(new.page_tab_id, day, view_count)


async def record_events(db: Db, account: Account, new: NewEvents, now: datetime) -> EventsSaved:
    """Record app events of a campaign; an invalid one does not stop the others. Unknown (404) campaign."""
    await check_campaign(db, account.id, new.page_tab_id)
    count = len(new.events)
    events, faults = await run_by_rows(account.id, count, _read, account, new.events, now)
    event_ids: list[int | None] = [None] * count
    unknown_fans: set[int] = set()

    async def write(part: Sequence[Event]) -> None:
        async with db.transaction() as tx:
            fan_ids = await _current_fan_ids(tx, account.id, [event.fan_id for _, event in part])
            valid = [line for line, fan_id in zip(part, fan_ids, strict=True) if fan_id != NO_FAN]
            unknown_fans.update(place for (place, _), fan_id in zip(part, fan_ids, strict=True) if fan_id == NO_FAN)
            rows = await _record(tx, account.id, new.page_tab_id, valid, fan_ids, now)
        for (place, _), row in zip(valid, rows, strict=True):
            event_ids[place] = row["event_id"]

    faults += [line_fault(place, unstorable_line(FIELD)) for place, _ in await write_lines(events, write)]
    errors = [("fan_id", "is not a fan of this account")]
    faults += [line_fault(place, BadParameters(errors)) for place in unknown_fans]
    return EventsSaved(event_ids, sorted(faults, key=lambda fault: fault.index))


def _read(
    account: Account, lines: Sequence[ReportedEvent | WrongLine], now: datetime
) -> tuple[list[Event], list[LineFault]]:
    def check(place: int, event: ReportedEvent) -> Event:
        check_past(now, occurred_at=event.occurred_at)
        return place, event

    return check_lines(lines, check, RequestContext(account, now))


RECORD = f"""
    with {HOLD},
    input as materialized (
        select target, fan_id, occurred_at, props
        from hold
        cross join unnest($3::text[], $4::bigint[], $5::timestamptz[], $6::jsonb[]) with ordinality
             as event (target, fan_id, occurred_at, props, place)
        order by place
    )
    insert into campaign_events (account_id, event_id, page_tab_id, target, fan_id, occurred_at, props)
    select $1, nextval('positions'), $2, target, fan_id, occurred_at, props from input
    returning event_id
"""  # noqa: S608 - fixed parts


async def _record(
    db: Db, account_id: int, page_tab_id: int, events: Sequence[Event], fan_ids: Sequence[int | None], now: datetime
) -> list[Record]:
    return await db.rows(
        RECORD,
        account_id,
        page_tab_id,
        [event.target for _, event in events],
        [fan_id for fan_id in fan_ids if fan_id != NO_FAN],
        [event.occurred_at or now for _, event in events],
        [event.props or {} for _, event in events],
    )


async def _current_fan_ids(db: Db, account_id: int, fan_ids: Sequence[int | None]) -> list[int | None]:
    """Return the current id of each fan, following merges, and lock the fans; NO_FAN for unknown ones."""
    ids = list({fan_id for fan_id in fan_ids if fan_id is not None})
    existing: set[int] = set()
    previous = None
    # A missing fan may have been merged after the merges were read, so read them again until they are unchanged.
    while (current := await successors(db, account_id, ids)) != previous:
        existing = await _lock_fans(db, account_id, {current.get(fan_id, fan_id) for fan_id in ids})
        previous = current
        if all(current.get(fan_id, fan_id) in existing for fan_id in ids):
            break
    current_ids = [None if fan_id is None else current.get(fan_id, fan_id) for fan_id in fan_ids]
    return [fan_id if fan_id is None or fan_id in existing else NO_FAN for fan_id in current_ids]


async def _lock_fans(db: Db, account_id: int, fan_ids: set[int]) -> set[int]:
    """Lock fans against erasure until the transaction ends; return the existing ones."""
    rows = await db.rows(
        "select fan_id from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for key share",
        account_id,
        list(fan_ids),
    )
    return {row["fan_id"] for row in rows}
