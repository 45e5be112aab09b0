"""Reads activities: of an account, a fan or a campaign, and counts by property.

Pages end at the settled position, so that no activity can appear later below a position that a client has passed.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from msgspec import Raw, convert

from fanfare.campaigns.queries.checks import check_campaign, has_fan
from fanfare.campaigns.schemas.activities import (
    LONGEST_LIST,
    PAGE,
    Activity,
    ActivityPageMeta,
    ActivityWindow,
    CampaignActivity,
    CampaignActivityWindow,
    Counter,
    CounterChoice,
    FanActivity,
    FanActivityWindow,
    Network,
)
from fanfare.fans.queries.fans import NAME, fans_by_ids
from fanfare.kernel.callers import Account
from fanfare.kernel.data import changes
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, NextPage, Page, below, ends
from fanfare.kernel.data.rows import SECONDS, read_rows
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import day_bounds, day_of

FAN_PAGE = 200
CAMPAIGN_PAGE = 1000

COLUMNS = "account_id, activity_id, fan_id, page_tab_id, ip_address, user_key, props, created_at"
# The fields of Activity; `_finish` fills creation_date. Fans and opt-ins are read once for the page, in the order of
# their ids: a lookup for each row was two thirds of the statement.
ROWS = f"""
    select a.activity_id, a.account_id, a.fan_id, null as creation_date, c.title as campaign_title, c.app_type,
           a.page_tab_id, coalesce(b.business_ids, '{{}}') as opted_in_business_ids,
           coalesce(f.is_subscribed, false) as is_subscribed,
           coalesce(f.is_phone_subscribed, false) as is_phone_subscribed,
           {SECONDS.format("a.created_at")} as creation_timestamp, c.stream_key, a.ip_address, a.user_key,
           {NAME.format("f")} as name,
           a.props::text as details
    from page a
    left join campaigns c on c.account_id = $1 and c.page_tab_id = a.page_tab_id
    left join (
        select b.fan_id, array_agg(b.business_id order by b.business_id) as business_ids
        from fan_businesses b
        where b.account_id = $1 and b.is_opted_in and b.fan_id = any(array(select p.fan_id from page p))
        group by b.fan_id) b on b.fan_id = a.fan_id
    left join (
        select f.fan_id, f.is_subscribed, f.is_phone_subscribed, f.first_name, f.last_name
        from fans f
        where f.account_id = $1 and f.fan_id = any(array(select p.fan_id from page p))) f on f.fan_id = a.fan_id
"""  # noqa: S608 - fixed parts


async def activity_page(db: Db, account: Account, query: ActivityWindow) -> Page[ActivityPageMeta, Activity]:
    """Return a page of activities, the newest first, or the oldest first with `min_activity_id`."""
    settled = await changes.settled(db, account.id)
    ascends = query.min_activity_id is not None
    limit = query.limit or PAGE
    sql, args = page_statement(account, query, settled, limit, ascends=ascends)
    rows = await db.rows(sql, *args)
    data = read_rows(Activity, rows[:limit])
    _finish(data, account.time_zone)
    if query.include_details:
        await _add_details(db, account.id, data)
    window = (query.min_activity_id, query.max_activity_id)
    page_ends = ends([row.activity_id for row in data], window, settled, ascends=ascends)
    return Page(ActivityPageMeta(*page_ends, has_more=len(rows) > limit), data)


def _finish(data: Sequence[Activity], zone: str) -> None:
    """Convert the columns of rows to their form in the response, which is cheaper here than in PostgreSQL."""
    start = end = datetime.max.replace(tzinfo=UTC)
    day = date.max
    for activity in data:
        moment = activity.creation_timestamp
        if not start <= moment < end:
            # Most rows are of the day of the row before.
            day = day_of(moment, zone)
            start, end = day_bounds(day, zone)
        activity.creation_date = day
        # JSON as PostgreSQL returns it, not parsed.
        activity.details = Raw(activity.details.encode())  # type: ignore[assignment, attr-defined]


async def _add_details(db: Db, account_id: int, data: list[Activity]) -> None:
    fan_ids = list({row.fan_id for row in data})
    fans = {fan.fan_id: fan for fan in await fans_by_ids(db, account_id, fan_ids)}
    rows = await db.rows(
        """
        select f.fan_id,
               (select coalesce(jsonb_agg(jsonb_build_object(
                           'network', i.network, 'identifier_value', i.identifier_value) order by i.network), '[]')
                from fan_identifiers i
                where i.account_id = $1 and i.fan_id = f.fan_id and i.network not in ('email', 'phone')
               ) as networks,
               array(select d.idol_name
                     from fan_idols n join idols d on d.account_id = n.account_id and d.idol_uid = n.idol_uid
                     where n.account_id = $1 and n.fan_id = f.fan_id order by fold_text(d.idol_name)
               ) as idol_names
        from unnest($2::bigint[]) as f (fan_id)
        """,
        account_id,
        fan_ids,
    )
    details = {row["fan_id"]: row for row in rows}
    for row in data:
        row.fan = fans.get(row.fan_id)
        row.networks = convert(details[row.fan_id]["networks"], list[Network])
        row.idol_names = details[row.fan_id]["idol_names"]


def page_statement(
    account: Account, query: ActivityWindow, settled: int, limit: int, *, ascends: bool
) -> tuple[str, list[object]]:
    """Return the statement of a page and one more row, and its arguments.

    The inner query has one bound and a constant limit, so that PostgreSQL chooses the generic plan and does not plan
    each page again.
    """
    upper = below(query.max_activity_id, settled)
    args: list[object] = [account.id, query.min_activity_id or 0, upper, limit + 1]
    source, extra = "activities", ""
    if query.page_tab_id is not None:
        args.append(query.page_tab_id)
        extra += f" and page_tab_id = ${len(args)}"
    if query.activity_date is not None:
        # Filtered by time first (`offset 0` is a fence): a scan in the order of ids could pass millions of other days.
        args += day_bounds(query.activity_date, account.time_zone)
        day = f"created_at >= ${len(args) - 1} and created_at < ${len(args)}"
        filtered = f"select {COLUMNS} from activities where account_id = $1{extra} and {day} offset 0"  # noqa: S608
        source = f"({filtered}) as day"
    order, near, far = ("asc", "> $2", "< $3") if ascends else ("desc", "< $3", "> $2")
    page = (
        f"select {COLUMNS} from (select {COLUMNS} from {source}"  # noqa: S608 - fixed parts
        f" where account_id = $1{extra} and activity_id {near} order by activity_id {order} limit {PAGE + 1}) as next"
        f" where activity_id {far} order by activity_id {order} limit $4"
    )
    return f"with page as materialized ({page}) {ROWS} order by a.activity_id {order}", args


async def fan_activities(db: Db, account: Account, query: FanActivityWindow) -> ArrayPage[FanActivity]:
    """Return a page of a fan's activities, the newest first; Unknown (404) if the fan does not exist."""
    settled = await changes.settled(db, account.id)
    limit = query.limit or FAN_PAGE
    rows = await db.rows(
        f"""
        select a.account_id, a.fan_id, (a.created_at at time zone $6)::date as creation_date, c.title as campaign_title,
               a.props, a.activity_id, a.page_tab_id, {SECONDS.format("a.created_at")} as creation_timestamp
        from activities a
        left join campaigns c on c.account_id = a.account_id and c.page_tab_id = a.page_tab_id
        where a.account_id = $1 and a.fan_id = $2 and a.activity_id < $3
          and ($4::text is null or fold_text(c.title) = fold_text($4))
        order by a.activity_id desc
        limit $5
        """,  # noqa: S608 - fixed parts
        account.id,
        query.fan_id,
        below(query.max_activity_id, settled),
        query.campaign_title,
        limit + 1,
        account.time_zone,
    )
    if not rows and not await has_fan(db, account.id, query.fan_id):
        raise Unknown(fan=query.fan_id)
    data = read_rows(FanActivity, rows[:limit])
    return ArrayPage(data, _next_page(data, "max_activity_id", has_more=len(rows) > limit))


def _next_page(rows: Sequence[FanActivity | CampaignActivity], parameter: str, *, has_more: bool) -> NextPage:
    """Return the parameter of the next page; an ascending list has one even at its end, for activities to come."""
    has_next = rows and (has_more or parameter == "min_activity_id")
    return NextPage(parameter, str(rows[-1].activity_id) if has_next else None, has_more)


async def campaign_activities(db: Db, account_id: int, query: CampaignActivityWindow) -> ArrayPage[CampaignActivity]:
    """Return a page of a campaign's activities, ids and times only, without hidden fans; Unknown (404) campaign."""
    settled = await changes.settled(db, account_id)
    order, parameter = ("desc", "max_activity_id") if query.min_activity_id is None else ("asc", "min_activity_id")
    limit = query.limit or CAMPAIGN_PAGE
    rows = await db.rows(
        f"""
        select fan_id, activity_id, {SECONDS.format("created_at")} as creation_timestamp
        from activities a
        where account_id = $1 and page_tab_id = $2 and activity_id > $3 and activity_id < $4
          and not exists (select from hidden_fans h where h.account_id = $1 and h.fan_id = a.fan_id)
        order by activity_id {order}
        limit $5
        """,  # noqa: S608 - one of two words
        account_id,
        query.page_tab_id,
        query.min_activity_id or 0,
        below(query.max_activity_id, settled),
        limit + 1,
    )
    if not rows:
        await check_campaign(db, account_id, query.page_tab_id)
    data = read_rows(CampaignActivity, rows[:limit])
    return ArrayPage(data, _next_page(data, parameter, has_more=len(rows) > limit))


async def counters(db: Db, account_id: int, query: CounterChoice) -> list[Counter]:
    """Return the number of activities per property value in custom campaigns, the most frequent first.

    Each entry of a list is counted as a separate value.
    """
    rows = await db.rows(
        """
        select a.account_id, c.title as campaign_title, property.key as property_name, count(*) as counter,
               entry.value as property_value
        from campaigns c
        join activities a on a.account_id = c.account_id and a.page_tab_id = c.page_tab_id
        cross join jsonb_each(a.props) as property
        cross join jsonb_array_elements_text(
            case jsonb_typeof(property.value) when 'array' then property.value
            else jsonb_build_array(property.value) end) as entry (value)
        where c.account_id = $1 and a.account_id = $1 and c.app_type = 'custom'
          and ($2::text is null or fold_text(c.title) = fold_text($2)) and ($3::text is null or property.key = $3)
        group by a.account_id, c.page_tab_id, c.title, property.key, entry.value
        order by count(*) desc, c.page_tab_id, property.key, entry.value
        limit $4
        """,
        account_id,
        query.campaign_title,
        query.property_name,
        query.limit or LONGEST_LIST,
    )
    return read_rows(Counter, rows)
