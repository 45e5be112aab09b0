"""Reads awards, balances and leaderboards."""

import uuid
from datetime import date

from fanfare.campaigns.queries.checks import check_campaign
from fanfare.campaigns.queries.stats import TargetRows
from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.callers import Account
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.paging import ArrayPage, NextPage, part, start
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import day_bounds
from fanfare.points.schemas.points import (
    Award,
    AwardQuery,
    Balance,
    CampaignAward,
    CampaignAwardQuery,
    CampaignPlace,
    CampaignWindow,
    LeaderboardMeta,
    LeaderboardQuery,
    Neighbour,
    Place,
    Point,
    PublicPlace,
    Standing,
    Window,
)

PLACES = 100
CAMPAIGN_PLACES = 10
AROUND = 3

# The rank of each total in $3 on board $2: one more than the number of fans above it, which is the sum of coarse
# buckets, fine buckets, and the fans in the total's own bucket. Each is a short index range scan.
RANKS = """
    select input.total, 1 + (
        select coalesce(sum(fan_count), 0) from standing_buckets
        where account_id = $1 and board = $2 and level = 1 and bucket > standing_bucket(input.total) >> 7
    ) + (
        select coalesce(sum(fan_count), 0) from standing_buckets
        where account_id = $1 and board = $2 and level = 0
          and bucket > standing_bucket(input.total) and bucket < ((standing_bucket(input.total) >> 7) + 1) << 7
    ) + (
        select count(*) from standings
        where account_id = $1 and board = $2
          and total > input.total and total <= standing_bucket_top(standing_bucket(input.total))
    ) as rank
    from unnest($3::bigint[]) as input (total)
"""


def window(zone: str, start: date | None, end: date | None) -> Window:
    """Return the time range of two days, both included, in a time zone; either may be None."""
    return Window(day_bounds(start, zone)[0] if start else None, day_bounds(end, zone)[1] if end else None)


async def points(db: Db, account_id: int) -> list[Point]:
    """Return the categories of an account by name."""
    rows = await db.rows(
        """
        select point_uid, account_id, point_name, description, is_active,
               floor(extract(epoch from created_at))::bigint as creation_timestamp
        from points where account_id = $1 order by fold_text(point_name)
        """,
        account_id,
    )
    return read_rows(Point, rows)


async def awards(db: Db, account: Account, query: AwardQuery) -> ArrayPage[Award]:
    """Return awards, the newest first by default, or their sums by fan, the greatest first."""
    days = window(account.time_zone, query.start_date, query.end_date)
    args = (account.id, days.start, days.end, query.point_uid, query.fan_id, query.limit + 1)
    if query.leaderboard:
        rows = await db.rows(RANKED_AWARDS, *args)
        ranked = read_rows(Award, rows[: query.limit])
        return ArrayPage(ranked, NextPage("cursor", None, has_more=len(rows) > query.limit))
    cursor = start(query.cursor, query.order)
    statement = SINGLE_AWARDS.format(order=cursor.order)
    rows = await db.rows(statement, *args, *cursor.span(await settled(db, account.id)))
    page = part(rows, query.limit, cursor, "fan_point_id")
    return ArrayPage(page.read(Award), page.next_page)


SINGLE_AWARDS = """
    select a.fan_point_id, a.fan_point_uid, a.fan_id, a.point_uid,
           floor(extract(epoch from a.created_at))::bigint as creation_timestamp,
           a.point_count, a.page_tab_id, a.ip_address, a.point_source, a.session_uid, a.award_signature,
           a.activity_id, a.point_type, a.props, a.performance_uid, a.reward_uid, p.point_name, f.display_name
    from fan_points a
    join points p on p.account_id = a.account_id and p.point_uid = a.point_uid
    left join fans f on f.account_id = a.account_id and f.fan_id = a.fan_id
    where a.account_id = $1 and a.created_at >= $2 and a.created_at < $3
      and ($4::uuid is null or a.point_uid = $4) and ($5::bigint is null or a.fan_id = $5)
      and a.fan_point_id > $7 and a.fan_point_id < $8
    order by a.fan_point_id {order}
    limit $6
"""

RANKED_AWARDS = Heavy("""
    with sums as (
        select a.account_id, a.fan_id, sum(a.point_count)::bigint as point_count, max(a.created_at) as last_at
        from fan_points a
        where a.account_id = $1 and a.created_at >= $2 and a.created_at < $3
          and ($4::uuid is null or a.point_uid = $4) and ($5::bigint is null or a.fan_id = $5)
        group by a.account_id, a.fan_id
    )
    select null::uuid as fan_point_uid, sums.fan_id, $4::uuid as point_uid,
           floor(extract(epoch from sums.last_at))::bigint as creation_timestamp, sums.point_count,
           null::bigint as page_tab_id, null::text as ip_address, null::text as point_source,
           null::uuid as session_uid, null::text as award_signature, null::bigint as activity_id,
           null::text as point_type, null::jsonb as props, null::uuid as performance_uid, null::uuid as reward_uid,
           p.point_name, f.display_name, rank() over (order by sums.point_count desc) as rank
    from sums
    join fans f on f.account_id = sums.account_id and f.fan_id = sums.fan_id
    left join points p on p.account_id = sums.account_id and p.point_uid = $4
    order by sums.point_count desc, sums.fan_id
    limit $6
""")


async def leaderboard(db: Db, account: Account, query: LeaderboardQuery) -> tuple[LeaderboardMeta, list[Place]]:
    """Return the top fans of a category over some days; equal counts share a rank, the lower fan_id comes first."""
    point = await db.row(
        "select point_uid, point_name from points where account_id = $1 and fold_text(point_name) = fold_text($2)",
        account.id,
        query.point_name,
    )
    if point is None:
        raise Unknown(point_category=query.point_name)
    days = window(account.time_zone, query.start_date, query.end_date)
    rows = await db.rows(
        Heavy("""
        with sums as (
            select account_id, fan_id, sum(point_count)::bigint as point_count
            from fan_points
            where account_id = $1 and point_uid = $2
              and ($3::timestamptz is null or created_at >= $3) and ($4::timestamptz is null or created_at < $4)
            group by account_id, fan_id
        )
        select $5::text as point_name, sums.fan_id, sums.point_count as fan_point_count,
               rank() over (order by sums.point_count desc) as rank, f.display_name
        from sums join fans f on f.account_id = sums.account_id and f.fan_id = sums.fan_id
        order by sums.point_count desc, sums.fan_id
        limit $6
        """),
        account.id,
        point["point_uid"],
        days.start,
        days.end,
        point["point_name"],
        query.limit or PLACES,
    )
    places = read_rows(Place, rows)
    return LeaderboardMeta(point["point_name"], query.start_date, query.end_date, len(places)), places


async def balances(db: Db, account_id: int, fan_id: int) -> list[Balance]:
    """Return a fan's balance in each category with an award to the fan; Unknown (404) fan."""
    await check_fan(db, account_id, fan_id)
    rows = await db.rows(
        """
        select s.fan_id, p.point_uid, p.point_name, s.total as point_count
        from standings s
        join points p on p.account_id = s.account_id and s.board = 'point:' || p.point_uid
        where s.account_id = $1 and s.fan_id = $2
        order by fold_text(p.point_name)
        """,
        account_id,
        fan_id,
    )
    return read_rows(Balance, rows)


async def standing(db: Db, account_id: int, point_uid: uuid.UUID, fan_id: int, around: int | None) -> Standing:
    """Return a fan's rank among all fans of a category, with the neighbours above and below."""
    board = f"point:{point_uid}"
    async with db.transaction("repeatable_read") as tx:
        total = await tx.value(
            "select total from standings where account_id = $1 and board = $2 and fan_id = $3",
            account_id,
            board,
            fan_id,
        )
        if total is None:
            message = "The fan has no points in this category"
            raise Unknown(message)
        rows = await tx.rows(NEIGHBOURS, account_id, board, total, fan_id, AROUND if around is None else around)
        totals = sorted({total, *(row["total"] for row in rows)})
        ranks = {row["total"]: int(row["rank"]) for row in await tx.rows(RANKS, account_id, board, totals)}
    neighbours = [Neighbour(ranks[row["total"]], row["fan_id"], row["display_name"], row["total"]) for row in rows]
    return Standing(fan_id, point_uid, total, ranks[total], neighbours)


# In the order of leaderboards: descending total, then fan_id. Fans with the same total and others are separate queries,
# so that each is a short index range scan, however many fans are above or below.
NEIGHBOURS = """
    with above as (
        select account_id, fan_id, total from (
            (select account_id, fan_id, total from standings
             where account_id = $1 and board = $2 and total = $3 and fan_id < $4 order by fan_id desc limit $5)
            union all
            (select account_id, fan_id, total from standings
             where account_id = $1 and board = $2 and total > $3 order by total, fan_id desc limit $5)
        ) as nearest
        order by total, fan_id desc limit $5
    ),
    below as (
        select account_id, fan_id, total from (
            (select account_id, fan_id, total from standings
             where account_id = $1 and board = $2 and total = $3 and fan_id >= $4 order by fan_id limit $5 + 1)
            union all
            (select account_id, fan_id, total from standings
             where account_id = $1 and board = $2 and total < $3 order by total desc, fan_id limit $5 + 1)
        ) as nearest
        order by total desc, fan_id limit $5 + 1
    )
    select neighbours.fan_id, neighbours.total, f.display_name
    from (
        select account_id, fan_id, total from above union all select account_id, fan_id, total from below
    ) as neighbours
    join fans f on f.account_id = neighbours.account_id and f.fan_id = neighbours.fan_id
    order by neighbours.total desc, neighbours.fan_id
"""


async def campaign_board(
    db: Db, account_id: int, page_tab_id: int, limit: int | None, *, show_hidden: bool
) -> list[CampaignPlace]:
    """Return the top fans of a campaign by the points won in it; Unknown (404) campaign."""
    await check_campaign(db, account_id, page_tab_id)
    rows = await db.rows(
        """
        with places as (
            select s.account_id, s.fan_id, s.total, h.fan_id is not null as is_hidden,
                   rank() over (order by s.total desc) as rank
            from standings s
            left join hidden_fans h on h.account_id = s.account_id and h.fan_id = s.fan_id
            where s.account_id = $1 and s.board = 'campaign:' || $2::bigint and ($3 or h.fan_id is null)
            order by s.total desc, s.fan_id
            limit $4
        )
        select places.rank, places.fan_id, f.display_name, places.is_hidden,
               floor(extract(epoch from last.created_at))::bigint as activity_timestamp, places.total as points,
               coalesce((select sum(b.total) from standings b
                         where b.account_id = places.account_id and b.fan_id = places.fan_id
                           and b.board like 'point:%'), 0)::bigint as balance,
               whole_number(last.props ->> 'activity_duration_ms') as activity_duration_ms,
               whole_number(last.props ->> 'correct_count') as correct_count
        from places
        join fans f on f.account_id = places.account_id and f.fan_id = places.fan_id
        left join lateral (
            select a.created_at, a.props from activities a
            where a.account_id = places.account_id and a.fan_id = places.fan_id and a.page_tab_id = $2
            order by a.created_at desc limit 1
        ) as last on true
        order by places.rank, places.fan_id
        """,
        account_id,
        page_tab_id,
        show_hidden,
        limit or CAMPAIGN_PLACES,
    )
    return read_rows(CampaignPlace, rows)


async def public_board(db: Db, account_id: int, page_tab_id: int, limit: int | None) -> list[PublicPlace]:
    """Return the public leaderboard of a campaign, without hidden fans and personal data except the display name."""
    await check_campaign(db, account_id, page_tab_id)
    rows = await db.rows(
        """
        with places as (
            select s.account_id, s.fan_id, s.total
            from standings s
            where s.account_id = $1 and s.board = 'campaign:' || $2::bigint
              and not exists (select from hidden_fans h where h.account_id = s.account_id and h.fan_id = s.fan_id)
            order by s.total desc, s.fan_id
            limit $3
        )
        select places.fan_id, f.display_name, places.total as points,
               coalesce((select max(whole_number(a.props ->> 'correct_count')) from activities a
                         where a.account_id = places.account_id and a.fan_id = places.fan_id
                           and a.page_tab_id = $2), 0) as correct_answer_count,
               coalesce((select sum(p.point_count) from fan_points p
                         where p.account_id = places.account_id and p.fan_id = places.fan_id
                           and p.page_tab_id = $2 and p.point_source = 'clicker'), 0)::bigint as clicker_points
        from places
        join fans f on f.account_id = places.account_id and f.fan_id = places.fan_id
        order by places.total desc, places.fan_id
        """,
        account_id,
        page_tab_id,
        limit or CAMPAIGN_PLACES,
    )
    return read_rows(PublicPlace, rows)


async def total_points(db: Db, account_id: int, query: CampaignWindow) -> int:
    """Return the sum of a campaign's awards in a window."""
    await check_campaign(db, account_id, query.page_tab_id)
    total: int = await db.value(
        Heavy("""
        select coalesce(sum(point_count), 0)::bigint from fan_points
        where account_id = $1 and page_tab_id = $2
          and ($3::timestamptz is null or created_at >= $3) and ($4::timestamptz is null or created_at < $4)
        """),
        account_id,
        query.page_tab_id,
        query.start_timestamp,
        query.end_timestamp,
    )
    return total


async def campaign_awards(db: Db, account_id: int, query: CampaignAwardQuery) -> ArrayPage[CampaignAward]:
    """Return awards of a campaign, the newest first by default, without those of hidden fans."""
    await check_campaign(db, account_id, query.page_tab_id)
    cursor = start(query.cursor, query.order)
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(
        f"""
        select fan_point_id, fan_id, point_count, floor(extract(epoch from created_at))::bigint as creation_timestamp
        from fan_points a
        where account_id = $1 and page_tab_id = $2
          and ($3::timestamptz is null or created_at >= $3) and ($4::timestamptz is null or created_at < $4)
          and not exists (select from hidden_fans h where h.account_id = $1 and h.fan_id = a.fan_id)
          and fan_point_id > $5 and fan_point_id < $6
        order by fan_point_id {cursor.order}
        limit $7
        """,  # noqa: S608 - one of two words
        account_id,
        query.page_tab_id,
        query.start_timestamp,
        query.end_timestamp,
        low,
        high,
        query.limit + 1,
    )
    page = part(rows, query.limit, cursor, "fan_point_id")
    return ArrayPage(page.read(CampaignAward), page.next_page)


# The rows about points in campaigns_detailed_stats, by target. The arguments are those of campaigns.queries.stats: $3
# is the target, $4 the last id read, $5 the settled position, $6 and $7 the window, $8 the limit.
CAMPAIGN_ROWS = {
    "fan_points": TargetRows(
        """
        select a.fan_point_id, a.fan_point_uid, a.page_tab_id, a.fan_id, a.point_uid, p.point_name, a.point_count,
               a.point_type, a.point_source, a.activity_id, a.award_key,
               a.created_at as creation_date,
               floor(extract(epoch from a.created_at))::bigint as creation_timestamp, a.props
        from fan_points a
        join points p on p.account_id = a.account_id and p.point_uid = a.point_uid
        where a.account_id = $1 and a.page_tab_id = $2 and $3::text = 'fan_points'
          and a.fan_point_id > $4 and a.fan_point_id <= $5
          and a.created_at >= coalesce($6::timestamptz, '-infinity')
          and a.created_at < coalesce($7::timestamptz, 'infinity')
        order by a.fan_point_id
        limit $8
        """,
        "fan_point_id",
    ),
    "leaderboard": TargetRows(
        Heavy("""
        select rank() over (order by sums.points desc) as rank, sums.fan_id, f.display_name, sums.points,
               sums.award_count, h.fan_id is not null as is_hidden
        from (
            select a.account_id, a.fan_id, sum(a.point_count)::bigint as points, count(*) as award_count
            from fan_points a
            where a.account_id = $1 and a.page_tab_id = $2 and $3::text = 'leaderboard'
              and a.fan_point_id > $4 and a.fan_point_id <= $5
              and a.created_at >= coalesce($6::timestamptz, '-infinity')
              and a.created_at < coalesce($7::timestamptz, 'infinity')
            group by a.account_id, a.fan_id
        ) sums
        join fans f on f.account_id = sums.account_id and f.fan_id = sums.fan_id
        left join hidden_fans h on h.account_id = sums.account_id and h.fan_id = sums.fan_id
        order by sums.points desc, sums.fan_id
        limit $8
        """),
        None,
    ),
}
