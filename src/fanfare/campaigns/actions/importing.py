"""Activities of an import: recorded in batches at the time they happened, and deleted again by an undo.

An activity of the same fan and campaign with the same time, user key and values is the same activity: a file that is
imported again adds none.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfare.campaigns.actions.followers import recount_fans
from fanfare.campaigns.actions.quests import progress, settle
from fanfare.campaigns.schemas.importing import ImportedActivity
from fanfare.campaigns.topics import ACTIVITY_CREATED, ACTIVITY_DELETED, CAMPAIGN_CREATED
from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_owners import Owner, owner
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Arrays, Sql
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.folding import fold
from fanfare.kernel.parameters import present_fields
from fanfare.kernel.wire import check_past, size_fault


class ActivityLine(msgspec.Struct, frozen=True):
    """An activity of an import and its fan."""

    new: ImportedActivity
    owner: Owner
    props: dict[str, Any]


def activity_line(new: ImportedActivity, context: ImportContext) -> ActivityLine:
    """Return the line of an activity; BadParameters (422) names every invalid field."""
    check_past(context.now, activity_timestamp=new.activity_timestamp)
    props = {**(new.details or {}), **(new.props or {})}
    if fault := size_fault(props):
        raise BadParameters([("details", fault)])
    return ActivityLine(new, owner(present_fields(new), context, new.activity_timestamp), props)


async def campaigns_of(
    db: Db, account_id: int, lines: Sequence[ActivityLine], now: datetime
) -> list[int | BadParameters | None]:
    """Return the campaign of each line, None outside of campaigns, or why it is refused; creates those of new titles.

    Runs in the caller's transaction.
    """
    ids = {each.new.page_tab_id for each in lines if each.new.page_tab_id is not None}
    present = {row["page_tab_id"] for row in await db.rows(CAMPAIGNS, account_id, list(ids))}
    titles = {fold(title): title for each in lines if (title := each.new.campaign_title) and not each.new.page_tab_id}
    rows = await db.retry_conflicts(lambda tx: tx.rows(TITLES, account_id, list(titles.values()), now))
    by_title = dict(zip(titles, [row["page_tab_id"] for row in rows], strict=True))
    return [_campaign(each.new, present, by_title) for each in lines]


def _campaign(new: ImportedActivity, present: set[int], by_title: dict[str, int]) -> int | BadParameters | None:
    if new.page_tab_id is None:
        return by_title[fold(new.campaign_title)] if new.campaign_title else None
    if new.page_tab_id in present:
        return new.page_tab_id
    return NO_CAMPAIGN


NO_CAMPAIGN = BadParameters([("page_tab_id", "is not a campaign of this account")])
CAMPAIGNS = "select page_tab_id from campaigns where account_id = $1 and page_tab_id = any($2::bigint[])"
# Of concurrent inserts of a title one gets a unique violation and is retried.
TITLES = f"""
    with {HOLD},
    titles as materialized (
        select title, place, fold_text(title) as title_key from unnest($2::text[]) with ordinality as t (title, place)
    ),
    existing as materialized (
        select t.place, c.page_tab_id
        from titles t
        join campaigns c on c.account_id = $1 and c.app_type = 'custom' and fold_text(c.title) = t.title_key
    ),
    created as (
        insert into campaigns (account_id, title, app_type, created_at, updated_at)
        select $1, title, 'custom', $3, $3 from titles where place not in (select place from existing)
        returning page_tab_id, title
    ),
    announced as (
        {announce(CAMPAIGN_CREATED, "created", at="$3")}
    )
    select coalesce(existing.page_tab_id, created.page_tab_id) as page_tab_id
    from titles
    left join existing on existing.place = titles.place
    left join created on created.title = titles.title
    order by titles.place
"""  # noqa: S608 - fixed parts
LINES = Arrays(
    "line",
    {
        "place": "integer", "fan_id": "bigint", "page_tab_id": "bigint", "ip_address": "text", "user_key": "text",
        "props": "jsonb", "created_at": "timestamptz",
    },
)  # fmt: skip
RECORD = Sql(f"""
    with {HOLD},
    input as materialized (
        select * from {LINES.unnest("g")}
    ),
    fresh as materialized (
        select distinct on (g.fan_id, g.page_tab_id, g.created_at, g.user_key, g.props) g.*
        from input g
        where not exists (
            select from activities a
            where a.account_id = $1 and a.fan_id = g.fan_id and a.created_at = g.created_at
              and a.page_tab_id is not distinct from g.page_tab_id and a.user_key is not distinct from g.user_key
              and a.props = g.props)
        order by g.fan_id, g.page_tab_id, g.created_at, g.user_key, g.props, g.place
    ),
    lines as materialized (
        select nextval('positions') as activity_id, f.* from hold cross join (select * from fresh order by place) f
    ),
    insert_activities as (
        insert into activities (account_id, activity_id, fan_id, page_tab_id, ip_address, user_key, props, created_at)
        select $1, activity_id, fan_id, page_tab_id, ip_address, user_key, props, created_at from lines
    ),
    count_activities as (
        insert into fan_activity as f (account_id, fan_id, first_active_at, last_active_at, activity_count)
        select $1, fan_id, min(created_at), max(created_at), count(*) from lines group by fan_id order by fan_id
        on conflict (account_id, fan_id) do update
        set first_active_at = least(f.first_active_at, excluded.first_active_at),
            last_active_at = greatest(f.last_active_at, excluded.last_active_at),
            activity_count = f.activity_count + excluded.activity_count
    ),
    announced as (
        {announce(ACTIVITY_CREATED, "lines", position="activity_id", at=":now")}
    ),
    {progress("campaign", "lines", "q.target_page_tab_id = c.page_tab_id", moment="c.created_at")}
    select place, activity_id, fan_id, fan_id in (select fan_id from progress) as has_progress from lines order by place
""")  # noqa: S608 - fixed parts


class Entry(msgspec.Struct, frozen=True):
    """An activity of an import whose fan and campaign were found."""

    line: ActivityLine
    fan_id: int
    page_tab_id: int | None


async def import_activities(db: Db, account_id: int, entries: Sequence[Entry], now: datetime) -> list[int | None]:
    """Record activities and return the id of each, None for one that was recorded before; in the caller's transaction.

    The caller holds the rows of the fans.
    """
    rows = await db.rows(RECORD, account_id, **LINES.arguments([_row(*each) for each in enumerate(entries)]), now=now)
    if due := sorted({row["fan_id"] for row in rows if row["has_progress"]}):
        await settle(db, account_id, due, now)
    created = {row["place"]: row["activity_id"] for row in rows}
    return [created.get(place) for place in range(len(entries))]


def _row(place: int, entry: Entry) -> dict[str, object]:
    new = entry.line.new
    return {
        "place": place,
        "fan_id": entry.fan_id,
        "page_tab_id": entry.page_tab_id,
        "ip_address": new.ip_address,
        "user_key": new.user_key,
        "props": entry.line.props,
        "created_at": new.activity_timestamp,
    }


DELETE = f"""
    with {HOLD},
    deleted as (
        delete from activities where account_id = $1 and activity_id = any($2::bigint[])
        returning activity_id, fan_id, page_tab_id
    )
    {announce(ACTIVITY_DELETED, "deleted", at="$3")}
"""  # noqa: S608 - fixed parts


async def delete_activities(db: Db, account_id: int, activity_ids: Sequence[int], now: datetime) -> None:
    """Delete activities, and count those of their fans again; part of the caller's transaction."""
    # Locked, so that no activity that is recorded meanwhile is counted twice or not at all. Erased fans have no count.
    fans = await db.rows(
        """
        select fan_id from fan_activity
        where account_id = $1 and fan_id in (
            select fan_id from activities where account_id = $1 and activity_id = any($2::bigint[]))
        order by fan_id for update
        """,
        account_id,
        list(activity_ids),
    )
    await db.execute(DELETE, account_id, list(activity_ids), now)
    await recount_fans(db, account_id, [row["fan_id"] for row in fans])
