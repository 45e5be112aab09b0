"""Records what is counted in campaigns: views, and what apps report. Neither is announced: they are figures."""

import hashlib
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fanfare.campaigns.queries.known import check_campaign
from fanfare.campaigns.schemas.stats import EventsSaved, NewEvents, NewViews, ViewsSaved
from fanfare.fans.queries.merges import successors
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.wire import check_past


def _hash(viewer: str | None, account_id: int) -> bytes:
    """Return what is kept of what a site calls a viewer; nothing when it does not tell viewers apart."""
    return hashlib.sha256(f"{account_id} {viewer}".encode()).digest()[:16] if viewer else b""


async def record_views(db: Db, account: Account, wanted: NewViews, now: datetime) -> ViewsSaved:
    """Count views of a campaign on their day in the account's zone, or refuse an unknown campaign."""
    check_past(now, viewed_at=wanted.viewed_at)
    day = (wanted.viewed_at or now).astimezone(ZoneInfo(account.time_zone)).date()
    view_count = await db.value(
        """
        insert into campaign_views (account_id, page_tab_id, viewed_on, viewer_hash, view_count)
        select $1, page_tab_id, $3, $4, $5 from campaigns where account_id = $1 and page_tab_id = $2
        on conflict (account_id, page_tab_id, viewed_on, viewer_hash) do update
        set view_count = least(campaign_views.view_count::bigint + excluded.view_count, 2147483647)
        returning view_count
        """,
        account.id,
        wanted.page_tab_id,
        day,
        _hash(wanted.viewer, account.id),
        wanted.view_count,
    )
    if view_count is None:
        raise Unknown(campaign=wanted.page_tab_id)
    return ViewsSaved(wanted.page_tab_id, day, view_count)


async def record_events(db: Db, account_id: int, wanted: NewEvents, now: datetime) -> EventsSaved:
    """Record what an app reports from inside a campaign, all or nothing, and return the ids in order."""
    await check_campaign(db, account_id, wanted.page_tab_id)
    async with db.transaction() as held:
        fan_ids = await _present_fans(held, account_id, wanted.events)
        rows = await held.rows(
            """
            with hold as materialized (select hold_position($1) as held),
            listed as materialized (
                select target, fan_id, occurred_at, props
                from hold
                cross join unnest($3::text[], $4::bigint[], $5::timestamptz[], $6::jsonb[]) with ordinality
                     as event (target, fan_id, occurred_at, props, place)
                order by place
            )
            insert into campaign_events (account_id, event_id, page_tab_id, target, fan_id, occurred_at, props)
            select $1, nextval('positions'), $2, target, fan_id, occurred_at, props from listed
            returning event_id
            """,
            account_id,
            wanted.page_tab_id,
            [event[0] for event in wanted.events],
            fan_ids,
            [event[2] or now for event in wanted.events],
            [event[3] for event in wanted.events],
        )
    return EventsSaved([row["event_id"] for row in rows])


async def _present_fans(db: Db, account_id: int, events: list[Any]) -> list[int | None]:
    """Return the fan of each event, following old ids and holding the fans; refuses (422) who is not there."""
    named = list({event[1] for event in events if event[1] is not None})
    known: set[int] = set()
    before = None
    # A fan who is missed may have become another one after the look at who became whom.
    while (after := await successors(db, account_id, named)) != before:
        known = await _held_fans(db, account_id, {after.get(fan_id, fan_id) for fan_id in named})
        before = after
        if all(after.get(fan_id, fan_id) in known for fan_id in named):
            break
    fan_ids = [after.get(event[1], event[1]) for event in events]
    wrong = [place for place, fan_id in enumerate(fan_ids) if fan_id is not None and fan_id not in known]
    if wrong:
        raise BadParameters([("events", f"[{place}].fan_id is not a fan of this account") for place in wrong])
    return fan_ids


async def _held_fans(db: Db, account_id: int, fan_ids: set[int]) -> set[int]:
    """Return those who are there; they stay until the end of the transaction."""
    rows = await db.rows(
        "select fan_id from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for key share",
        account_id,
        list(fan_ids),
    )
    return {row["fan_id"] for row in rows}
