"""Reads the figures of the first page: fans, reach and growth over a range of days, against the range before."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from fanfare.audience.counting import criteria_stats
from fanfare.fans.queries.growth import new_fans
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.schemas.stats import FanMetrics, SegmentStatus


class Overview(msgspec.Struct, frozen=True):
    """The figures of a range; `daily` are the new fans of its days, the count before that of as many days."""

    reach: SegmentStatus
    metrics: FanMetrics
    daily: dict[date, int]
    new_count: int
    new_count_before: int


async def overview(db: Db, account: Account, day_count: int, now: datetime) -> Overview:
    """Return the figures of the last days, today included."""
    today = now.astimezone(ZoneInfo(account.time_zone)).date()
    first = today - timedelta(days=day_count - 1)
    first_before = first - timedelta(days=day_count)
    days = await new_fans(db, account.id, account.time_zone, (first_before, today))
    daily = {day: count for day, count in days.items() if day >= first}
    stats = await criteria_stats(db, account, Criteria(), now)
    new_count = sum(daily.values())
    return Overview(stats.fans, stats.fan_metrics, daily, new_count, sum(days.values()) - new_count)
