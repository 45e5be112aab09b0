"""Reads campaigns as staff sees them, and their entries by day."""

from datetime import datetime

from fanfare.campaigns.queries.checks import check_campaign
from fanfare.campaigns.schemas.managed import CampaignDaysQuery, EntriesOfDay, ManagedCampaign, ManagedCampaignQuery
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Heavy, Record
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.wire import MAX_ID, day_bounds

MAX_DAYS = 366
STATE = """
    case when c.closed_at is not null then 'closed' when not c.is_active then 'inactive'
         when c.ends_at <= :now then 'ended' when c.starts_at > :now then 'planned' else 'open' end
"""
ROWS = f"""
    select c.page_tab_id as position, c.page_tab_id, c.title, c.app_type, c.business_id, b.business_name,
           {STATE} as campaign_state, c.is_scheduled,
           floor(extract(epoch from c.starts_at))::bigint as start_timestamp,
           floor(extract(epoch from c.ends_at))::bigint as end_timestamp,
           floor(extract(epoch from c.closed_at))::bigint as close_timestamp, c.winner_fan_id,
           floor(extract(epoch from c.created_at))::bigint as creation_timestamp,
           {{count}} as entry_count
    from campaigns c
    left join businesses b on b.account_id = c.account_id and b.business_id = c.business_id
    where c.account_id = $1 and c.page_tab_id > :low and c.page_tab_id < :high
      and (:q::text is null or strpos(fold_text(c.title), fold_text(:q)) > 0)
      and (:app_type::text is null or fold_text(c.app_type) = fold_text(:app_type))
      and (:business_ids::bigint[] is null or c.business_id = any(:business_ids))
      and (:campaign_state::text is null or :campaign_state = {STATE})
    order by c.page_tab_id {{order}}
    limit :limit
"""  # noqa: S608 - fixed parts
NO_COUNT, COUNT = (
    "null::bigint",
    """(
    select count(*) from activities a where a.account_id = c.account_id and a.page_tab_id = c.page_tab_id)""",
)
STATEMENTS = {
    (order, is_counted): Sql(Heavy(ROWS.format(order=order, count=count)))
    for order in ("asc", "desc")
    for is_counted, count in ((False, NO_COUNT), (True, COUNT))
}
DAYS = Heavy("""
    with entries as (
        select (created_at at time zone $5)::date as entry_date, count(*) as entry_count,
               count(distinct fan_id) as fan_count
        from activities
        where account_id = $1 and page_tab_id = $2 and created_at >= $3 and created_at < $4
        group by 1
    )
    select day::date as entry_date, coalesce(e.entry_count, 0) as entry_count, coalesce(e.fan_count, 0) as fan_count
    from generate_series($6::date, $7::date, interval '1 day') as day
    left join entries e on e.entry_date = day::date
    order by day
""")


async def managed_campaigns(
    db: Db, account_id: int, query: ManagedCampaignQuery, now: datetime
) -> ArrayPage[ManagedCampaign]:
    """Return a page of the campaigns that match."""
    cursor = start(query.cursor, query.order)
    low, high = cursor.span(MAX_ID)
    filters = {name: getattr(query, name) for name in ("q", "app_type", "business_ids", "campaign_state")}
    statement = STATEMENTS[cursor.order, query.include_counts]
    rows = await db.rows(statement, account_id, low=low, high=high, limit=query.limit + 1, now=now, **filters)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(ManagedCampaign), page.next_page)


async def managed_campaign(db: Db, account_id: int, page_tab_id: int, now: datetime) -> ManagedCampaign:
    """Return one campaign; Unknown (404)."""
    named = dict.fromkeys(("q", "app_type", "business_ids", "campaign_state"))
    span = {"low": page_tab_id - 1, "high": page_tab_id + 1, "limit": 1, "now": now}
    row: Record | None = await db.row(STATEMENTS["asc", False], account_id, **named, **span)
    if row is None:
        raise Unknown(campaign=page_tab_id)
    return ManagedCampaign(**{name: value for name, value in row.items() if name != "position"})


async def campaign_days(db: Db, account: Account, query: CampaignDaysQuery) -> list[EntriesOfDay]:
    """Return the entries of a campaign by day; Unknown (404), and (422) for too many days."""
    if not 0 <= (query.end_date - query.start_date).days < MAX_DAYS:
        raise BadParameters([("end_date", f"must be within {MAX_DAYS} days after start_date")])
    await check_campaign(db, account.id, query.page_tab_id)
    first, last = day_bounds(query.start_date, account.time_zone)[0], day_bounds(query.end_date, account.time_zone)[1]
    days = (query.start_date, query.end_date)
    rows = await db.rows(DAYS, account.id, query.page_tab_id, first, last, account.time_zone, *days)
    return [EntriesOfDay(**row) for row in rows]
