"""Reads a fan in numbers: activity, tickets, purchases, and the segments that the fan is in."""

from collections.abc import Sequence
from typing import Any

from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.profiles.schemas import FanFigures, FanSegment, Spending

FIGURES = """
    select f.fan_id, coalesce(a.activity_count, 0) as activity_count,
           floor(extract(epoch from a.first_active_at))::bigint as first_active_timestamp,
           floor(extract(epoch from a.last_active_at))::bigint as last_active_timestamp,
           t.ticket_count, t.seat_count, t.last_ticket_timestamp, p.purchase_count,
           (select count(*) from passes s
            where s.account_id = $1 and (s.fan_id = $2 or s.claim_fan_id = $2) and s.cancelled_at is null)
               as pass_count
    from fans f
    left join fan_activity a on a.account_id = $1 and a.fan_id = f.fan_id
    cross join (
        select count(*) as ticket_count, coalesce(sum(num_seats), 0)::bigint as seat_count,
               floor(extract(epoch from max(purchased_at)))::bigint as last_ticket_timestamp
        from tickets where account_id = $1 and fan_id = $2 and not is_deleted) t
    cross join (select count(*) as purchase_count from purchases where account_id = $1 and fan_id = $2) p
    where f.account_id = $1 and f.fan_id = $2
"""
SPENDING = """
    select s.currency, sum(s.ticket_amount) as ticket_amount, sum(s.purchase_amount) as purchase_amount
    from (
        select currency, paid_amount as ticket_amount, 0::numeric as purchase_amount
        from tickets where account_id = $1 and fan_id = $2 and not is_deleted
        union all
        select currency, 0, net_sale_amount from purchases where account_id = $1 and fan_id = $2) s
    group by s.currency
    order by sum(s.ticket_amount) + sum(s.purchase_amount) desc, s.currency
"""


async def figures(db: Db, account_id: int, fan_id: int) -> FanFigures:
    """Return a fan in numbers; Unknown (404) fan."""
    row = await db.row(FIGURES, account_id, fan_id)
    if row is None:
        raise Unknown(fan=fan_id)
    spending = [Spending(**each) for each in await db.rows(SPENDING, account_id, fan_id)]
    return FanFigures(**row, spending=spending)


SEGMENTS = """
    select 'filter' as segment_type, l.filter_uid::text as segment_id, l.filter_name as segment_name,
           floor(extract(epoch from m.entered_at))::bigint as entered_timestamp
    from filters l
    join segment_members m on m.account_id = $1 and m.filter_id = l.filter_id and m.fan_id = $2
    where l.account_id = $1 and l.is_active
    union all
    select 'snapshot', s.snapshot_uid::text, s.snapshot_name, floor(extract(epoch from s.created_at))::bigint
    from snapshot_members m
    join snapshots s on s.account_id = $1 and s.snapshot_uid = m.snapshot_uid
    where m.account_id = $1 and m.fan_id = $2
    union all
    select 'tag', t.tag_id::text, t.tag_name, floor(extract(epoch from g.created_at))::bigint
    from fan_tags g
    join tags t on t.account_id = $1 and t.tag_id = g.tag_id
    where g.account_id = $1 and g.fan_id = $2
    order by 1, 4 desc nulls last, 2
"""


async def fan_segments(db: Db, account_id: int, fan_id: int) -> list[FanSegment]:
    """Return the segments that a fan is in, filters, snapshots, then tags, the latest first; Unknown (404) fan."""
    rows: Sequence[Any] = await db.rows(SEGMENTS, account_id, fan_id)
    if not rows:
        await check_fan(db, account_id, fan_id)
    return [FanSegment(**row) for row in rows]
