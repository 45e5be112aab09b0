"""Counts activities by day, and the entries of campaigns that run."""

from datetime import datetime

import msgspec

from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.rows import read_rows

MAX_RUNNING = 8

ACTIVITIES = Heavy("""
    select (created_at at time zone $4)::date as day, 'activities' as name, count(*) as amount
    from activities where account_id = $1 and created_at >= $2 and created_at < $3
    group by 1
""")

# Those with the most entries of the window first. The activities of the window are read once for all campaigns.
RUNNING = Heavy("""
    with running as materialized (
        select c.page_tab_id, c.title, c.business_id, b.business_name, c.ends_at
        from campaigns c left join businesses b on b.account_id = $1 and b.business_id = c.business_id
        where c.account_id = $1 and c.is_active and c.closed_at is null
          and (c.starts_at is null or c.starts_at <= $3) and (c.ends_at is null or c.ends_at > $3)
          and ($4::bigint[] is null or c.business_id = any($4))
    ), entries as materialized (
        select a.page_tab_id, count(*) as entry_count, count(distinct a.fan_id) as fan_count
        from activities a
        where a.account_id = $1 and a.created_at >= $2 and a.created_at < $3
          and a.page_tab_id in (select r.page_tab_id from running r)
        group by a.page_tab_id
    )
    select page_tab_id, title, business_name, ends_at, coalesce(entry_count, 0) as entry_count,
           coalesce(fan_count, 0) as fan_count, count(*) over () as campaign_count
    from running left join entries using (page_tab_id)
    order by entry_count desc nulls last, page_tab_id desc
    limit $5
""")


class RunningCampaign(msgspec.Struct):
    """A campaign that runs: entries and fans of the window, and how many campaigns run in all."""

    page_tab_id: int
    title: str
    business_name: str | None
    ends_at: datetime | None
    entry_count: int
    fan_count: int
    campaign_count: int


async def running_campaigns(
    db: Db, account_id: int, window: tuple[datetime, datetime], business_ids: tuple[int, ...] | None
) -> list[RunningCampaign]:
    """Return the campaigns that run at the end of a window, at most 8; `business_ids` None for all businesses."""
    start, end = window
    rows = await db.rows(RUNNING, account_id, start, end, business_ids, MAX_RUNNING)
    return read_rows(RunningCampaign, rows)
