"""How filters grew: the fans who entered and left by day, and the sizes that follow from them."""

import uuid
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.segments.queries import filters
from fanfare.segments.queries.live import today
from fanfare.segments.schemas.figures import FilterDays, SegmentDay

DAYS = """
    select d.counted_on as day, d.entered_count, d.left_count, d.rebuilt_count from segment_days d
    join filters f on f.account_id = d.account_id and f.filter_id = d.filter_id
    where d.account_id = $1 and f.filter_uid = $2 and d.counted_on >= $3 order by d.counted_on
"""


async def filter_days(db: Db, account: Account, query: FilterDays, now: datetime) -> list[SegmentDay]:
    """Return the last days of a filter, oldest first, from its first build on; Unknown (404) filter."""
    await filters.filter_by_uid(db, account.id, query.filter_uid)
    last = today(account, now)
    first = max(last - timedelta(days=query.days - 1), await _first_day(db, account.id, query.filter_uid) or last)
    rows = {row["day"]: dict(row) for row in await db.rows(DAYS, account.id, query.filter_uid, first)}
    size = await _size(db, account.id, query.filter_uid)
    result = []
    for day in reversed([first + timedelta(days=number) for number in range((last - first).days + 1)]):
        changes = rows.get(day, {"entered_count": 0, "left_count": 0, "rebuilt_count": 0})
        result.append(SegmentDay(**{**changes, "day": day, "member_count": size}))
        size -= changes["entered_count"] - changes["left_count"] + changes["rebuilt_count"]
    return result[::-1]


async def _first_day(db: Db, account_id: int, filter_uid: uuid.UUID) -> date | None:
    day: date | None = await db.value(
        """
        select d.counted_on from segment_days d
        where d.account_id = $1
          and d.filter_id = (select f.filter_id from filters f where f.account_id = $1 and f.filter_uid = $2)
        order by d.counted_on limit 1
        """,
        account_id,
        filter_uid,
    )
    return day


async def _size(db: Db, account_id: int, filter_uid: uuid.UUID) -> int:
    size: int | None = await db.value(
        """
        select s.member_count from filter_states s
        join filters f on f.account_id = s.account_id and f.filter_id = s.filter_id
        where s.account_id = $1 and f.filter_uid = $2
        """,
        account_id,
        filter_uid,
    )
    return size or 0


async def sizes(db: Db, account: Account, days: int, now: datetime) -> dict[str, list[int]]:
    """Return by uid the sizes of the live filters at the end of the day before and of each of the last days.

    A filter whose first build was later begins there.
    """
    last = today(account, now)
    first = last - timedelta(days=days - 1)
    rows = await db.rows(
        """
        select f.filter_uid, s.member_count, h.first_day, h.steps, h.days
        from filter_states s
        join filters f on f.account_id = s.account_id and f.filter_id = s.filter_id
        cross join lateral (
            select min(d.counted_on) as first_day,
                   array_agg(d.entered_count - d.left_count + d.rebuilt_count order by d.counted_on)
                       filter (where d.counted_on >= $2) as steps,
                   array_agg(d.counted_on order by d.counted_on) filter (where d.counted_on >= $2) as days
            from segment_days d where d.account_id = $1 and d.filter_id = s.filter_id) h
        where s.account_id = $1 and s.built_at is not null
        """,
        account.id,
        first,
    )
    result = {}
    for row in rows:
        steps = dict(zip(row["days"] or (), row["steps"] or (), strict=True))
        start = max(first - timedelta(days=1), row["first_day"] or last)
        count = (last - start).days
        result[str(row["filter_uid"])] = _backwards(
            row["member_count"], (steps.get(last - timedelta(days=number), 0) for number in range(count))
        )
    return result


def _backwards(size: int, steps: Iterable[int]) -> list[int]:
    """Return the sizes that led to a size by steps, the last step first."""
    result = [size]
    for each in steps:
        size -= each
        result.append(size)
    return result[::-1]
