"""The members of a filter at the end of a past day, from the times at which fans entered and left."""

from datetime import datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.paging import Page
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.wire import day_bounds
from fanfare.segments.queries import filters
from fanfare.segments.schemas.segments import PastMember, PastMembers, PastMeta

# The members at a moment. After a merge a fan may have two memberships at the same time.
MEMBERS = """
    select m.fan_id, min(m.entered_at) as entered_at, nullif(max(m.left_at), 'infinity') as left_at
    from filters f
    cross join lateral (
        select k.fan_id, k.entered_at, 'infinity'::timestamptz as left_at from segment_members k
        where k.account_id = $1 and k.filter_id = f.filter_id and k.entered_at < $3
        union all
        select s.fan_id, s.entered_at, s.left_at from segment_stays s
        where s.account_id = $1 and s.filter_id = f.filter_id and s.entered_at < $3 and s.left_at >= $3) m
    where f.account_id = $1 and f.filter_uid = $2
    group by m.fan_id
"""
COUNT = Heavy(f"select count(*) from ({MEMBERS}) members")  # noqa: S608 - fixed text
PAGE = Heavy(f"""
    select t.fan_id, floor(extract(epoch from t.entered_at))::bigint as entered_timestamp,
           floor(extract(epoch from t.left_at))::bigint as left_timestamp
    from ({MEMBERS}) t where t.fan_id > $4 order by t.fan_id limit $5
""")  # noqa: S608 - fixed text


async def past_members(db: Db, account: Account, query: PastMembers, now: datetime) -> Page[PastMeta, PastMember]:
    """Return a page of the members of a filter at the end of a day; Unknown (404) filter."""
    await filters.filter_by_uid(db, account.id, query.filter_uid)
    end = min(day_bounds(query.day, account.time_zone)[1], now)
    last_fan_id = -1 if query.after_fan_id is None else query.after_fan_id
    count = await db.value(COUNT, account.id, query.filter_uid, end)
    rows = await db.rows(PAGE, account.id, query.filter_uid, end, last_fan_id, query.limit + 1)
    page = read_rows(PastMember, rows[: query.limit])
    has_more = len(rows) > query.limit
    return Page(PastMeta(count, page[-1].fan_id if has_more else None, has_more=has_more), page)
