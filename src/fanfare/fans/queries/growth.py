"""Reads how many fans are new, by day."""

from datetime import date, timedelta

from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.wire import day_bounds

NEW_FANS = Heavy("""
    select (created_at at time zone $4)::date as day, count(*) as fan_count
    from fans where account_id = $1 and created_at >= $2 and created_at < $3
    group by 1
""")


async def new_fans(db: Db, account_id: int, zone: str, days: tuple[date, date]) -> dict[date, int]:
    """Return for each day from the first to the last how many fans were made on it, in a time zone."""
    first, last = days
    start, end = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
    rows = await db.rows(NEW_FANS, account_id, start, end, zone)
    counts = {row["day"]: row["fan_count"] for row in rows}
    length = (last - first).days + 1
    return {day: counts.get(day, 0) for day in (first + timedelta(days=number) for number in range(length))}
