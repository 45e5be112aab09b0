"""Reads performances as staff sees them."""

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lists import bounded, list_rows
from fanfare.performances.schemas.managed import ManagedPerformance, ManagedPerformanceQuery

ROWS = bounded("""
    select p.performance_uid, p.performance_name, p.performance_date,
           coalesce(p.display_venue_name, p.venue_name) as venue_name, p.city, p.status, p.business_id, b.business_name,
           p.performance_group_name,
           (select count(*) from quests q
            where q.account_id = $1 and q.performance_uid = p.performance_uid) as quest_count,
           (select count(*) from rewards r
            where r.account_id = $1 and r.performance_uid = p.performance_uid) as reward_count,
           (select count(*) from fan_performances f
            where f.account_id = $1 and f.performance_uid = p.performance_uid) as schedule_count
    from performances p
    left join businesses b on b.account_id = p.account_id and b.business_id = p.business_id
    where p.account_id = $1
      and p.performance_date between coalesce($2::date, '-infinity') and coalesce($3::date, 'infinity')
      and ($4::text is null
           or strpos(fold_text(concat_ws(' ', p.performance_name, p.venue_name, p.city)), fold_text($4)) > 0)
      and ($5::bigint[] is null or p.business_id = any($5))
    order by p.performance_date, p.performance_uid
""")


async def managed_performances(db: Db, account_id: int, query: ManagedPerformanceQuery) -> list[ManagedPerformance]:
    """Return the performances of a range of days, by day; refuses (413) a list that is too long."""
    rows = await db.rows(ROWS, account_id, query.start_date, query.end_date, query.q, query.business_ids)
    return [ManagedPerformance(**row) for row in list_rows(rows)]
