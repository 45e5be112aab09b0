"""Statistics of campaigns, computed on request."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fanfare.campaigns.queries.checks import check_campaign
from fanfare.campaigns.schemas.stats import (
    LEADERBOARD,
    LONGEST_LIST,
    WAGERS,
    BundleStats,
    CampaignStats,
    DetailedStatsChoice,
    StatsRange,
)
from fanfare.kernel.callers import Account
from fanfare.kernel.data import changes
from fanfare.kernel.data.db import Db, Heavy, Record
from fanfare.kernel.data.paging import ArrayPage, NextPage
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.handover import Handover
from fanfare.kernel.wire import day_bounds, day_of

# A row for each campaign, and one with null as page_tab_id for all together, in which each fan counts once.
STATS = Heavy("""
    with entries as (
        select a.page_tab_id, count(*) as total_entries, count(distinct a.fan_id) as fan_count,
               count(distinct a.fan_id) filter (where f.is_subscribed or f.is_phone_subscribed) as subscribers,
               count(distinct a.fan_id) filter (where f.is_phone_subscribed) as phone_subscribers,
               count(distinct a.fan_id) filter (where f.is_subscribed) as email_subscribers
        from activities a
        left join fans f on f.account_id = a.account_id and f.fan_id = a.fan_id
        where a.account_id = $1 and a.page_tab_id = any($2)
          and a.created_at >= coalesce($3::timestamptz, '-infinity')
          and a.created_at < coalesce($4::timestamptz, 'infinity')
        group by grouping sets ((a.page_tab_id), ())
    ),
    views as (
        select page_tab_id, sum(view_count)::bigint as view_count,
               count(distinct viewer_hash) filter (where viewer_hash <> '') as unique_view_count
        from campaign_views
        where account_id = $1 and page_tab_id = any($2)
          and viewed_on between coalesce($5::date, '-infinity') and coalesce($6::date, 'infinity')
        group by grouping sets ((page_tab_id), ())
    ),
    campaigns_and_total as (
        select page_tab_id, title from campaigns where account_id = $1 and page_tab_id = any($2)
        union all
        select null, null
    )
    select c.page_tab_id, c.title as name, coalesce(e.total_entries, 0) as total_entries,
           coalesce(e.fan_count, 0) as fan_count, coalesce(v.view_count, 0) as view_count,
           coalesce(v.unique_view_count, 0) as unique_view_count, coalesce(e.subscribers, 0) as subscribers,
           coalesce(e.phone_subscribers, 0) as phone_subscribers, coalesce(e.email_subscribers, 0) as email_subscribers
    from campaigns_and_total c
    left join entries e on e.page_tab_id is not distinct from c.page_tab_id
    left join views v on v.page_tab_id is not distinct from c.page_tab_id
    order by array_position($2, c.page_tab_id)
""")


async def _stats(db: Db, account: Account, page_tab_ids: list[int], query: StatsRange) -> list[Record]:
    start = day_bounds(query.start_date, account.time_zone)[0] if query.start_date else None
    end = day_bounds(query.end_date, account.time_zone)[1] if query.end_date else None
    return await db.rows(STATS, account.id, page_tab_ids, start, end, query.start_date, query.end_date)


async def campaign_stats(db: Db, account: Account, query: StatsRange) -> CampaignStats:
    """Return entries, fans, views and opt-ins of one campaign; Unknown (404)."""
    row = (await _stats(db, account, [query.page_tab_id], query))[0]
    if row["page_tab_id"] is None:
        raise Unknown(campaign=query.page_tab_id)
    return CampaignStats(**row)


async def bundle_stats(db: Db, account: Account, query: StatsRange) -> BundleStats:
    """Return the statistics of a bundle, in total and for each of its campaigns; Unknown (404)."""
    bundle = await db.row(
        """
        select c.title, array(select m.member_page_tab_id from campaign_members m
                              where m.account_id = c.account_id and m.page_tab_id = c.page_tab_id
                              order by m.place) as page_tab_ids
        from campaigns c where c.account_id = $1 and c.page_tab_id = $2
        """,
        account.id,
        query.page_tab_id,
    )
    if bundle is None:
        raise Unknown(campaign=query.page_tab_id)
    *members, total = await _stats(db, account, bundle["page_tab_ids"], query)
    summary = CampaignStats(**{**total, "page_tab_id": query.page_tab_id, "name": bundle["title"]})
    return BundleStats(summary, [CampaignStats(**member) for member in members])


async def detailed_stats(db: Db, account: Account, query: DetailedStatsChoice) -> ArrayPage[dict[str, Any]]:
    """Return a page of the rows of one target, the oldest first; Unknown (404) campaign."""
    if query.tab_item_id is not None and query.target != WAGERS:
        raise BadParameters([("tab_item_id", f"is only for target {WAGERS}")])
    if query.target == LEADERBOARD and query.min_event_id is not None:
        raise BadParameters([("min_event_id", f"cannot be used with target {LEADERBOARD}: its rows are not events")])
    settled = await changes.settled(db, account.id)
    limit = query.limit or LONGEST_LIST
    args = (
        account.id,
        query.page_tab_id,
        query.tab_item_id if query.target == WAGERS else query.target,
        query.min_event_id or 0,
        settled,
        query.start_timestamp,
        query.end_timestamp,
        limit + 1,
    )
    targets = {WAGERS: WAGER_ROWS, **HIGHER_ROWS.get()}
    target_rows = targets.get(query.target, EVENT_ROWS)
    rows = await db.rows(target_rows.sql, *args)
    if not rows:
        await check_campaign(db, account.id, query.page_tab_id)
    data = [_with_local_date(dict(row), account.time_zone) for row in rows[:limit]]
    return ArrayPage(data, _next_page(data, target_rows.id_column, query.min_event_id, has_more=len(rows) > limit))


def _next_page(
    rows: Sequence[Mapping[str, Any]], id_column: str | None, min_event_id: int | None, *, has_more: bool
) -> NextPage:
    """Return the parameter of the next page, the id of the last row; a ranking has none."""
    last = rows[-1][id_column] if rows and id_column else min_event_id
    return NextPage("min_event_id", None if id_column is None or last is None else str(last), has_more)


def _with_local_date(row: dict[str, Any], zone: str) -> dict[str, Any]:
    """Return a row with its creation_date, if any, as a day in the account's time zone."""
    if "creation_date" in row:
        row["creation_date"] = day_of(row["creation_date"], zone)
    return row


class TargetRows(NamedTuple):
    """The statement of a target's rows, and the column by which they are paged; None for a ranking."""

    sql: str
    id_column: str | None


# The arguments of each: account, campaign, target or item ids, last id read, settled position, start and end of the
# window, limit; see `detailed_stats`.
EVENT_ROWS = TargetRows(
    """
    select event_id, page_tab_id, target, fan_id, occurred_at as creation_date,
           floor(extract(epoch from occurred_at))::bigint as creation_timestamp, props
    from campaign_events
    where account_id = $1 and page_tab_id = $2 and target = $3 and event_id > $4 and event_id <= $5
      and occurred_at >= coalesce($6::timestamptz, '-infinity') and occurred_at < coalesce($7::timestamptz, 'infinity')
    order by event_id
    limit $8
    """,
    "event_id",
)
WAGER_ROWS = TargetRows(
    """
    select w.wager_id, w.page_tab_id, w.tab_item_id, i.title, w.fan_id, w.item_count, w.point_count,
           w.created_at as creation_date,
           floor(extract(epoch from w.created_at))::bigint as creation_timestamp, w.props
    from wagers w
    left join campaign_items i on i.account_id = w.account_id and i.tab_item_id = w.tab_item_id
    where w.account_id = $1 and w.page_tab_id = $2 and ($3::bigint[] is null or w.tab_item_id = any($3))
      and w.wager_id > $4 and w.wager_id <= $5
      and w.created_at >= coalesce($6::timestamptz, '-infinity')
      and w.created_at < coalesce($7::timestamptz, 'infinity')
    order by w.wager_id
    limit $8
    """,
    "wager_id",
)
# Rows from higher domains, by target.
HIGHER_ROWS = Handover[Mapping[str, TargetRows]]("the rows of campaigns that higher domains keep")
