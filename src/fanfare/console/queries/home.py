"""Reads the figures of the first page: a range of days, against as many days before."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from fanfare.audience.counting import criteria_stats
from fanfare.campaigns.queries.growth import ACTIVITIES, RunningCampaign, running_campaigns
from fanfare.console.schemas.overview import (
    DAYS,
    AccountOverview,
    DayAmount,
    DaySeries,
    OverviewCampaign,
    OverviewQuery,
)
from fanfare.fans.queries.growth import CONSENTS, NEW_FANS
from fanfare.kernel.callers import Account
from fanfare.kernel.data.daily import daily
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.wire import day_bounds
from fanfare.kernel.wire.times import day_of
from fanfare.purchases.queries import REVENUE
from fanfare.search.criteria import Criteria
from fanfare.search.schemas.stats import FanMetrics, SegmentStatus


class Range(msgspec.Struct, frozen=True):
    """The last days of an account, today included, in its time zone."""

    account: Account
    day_count: int
    today: date

    @property
    def first(self) -> date:
        """The first day."""
        return self.today - timedelta(days=self.day_count - 1)

    @property
    def first_before(self) -> date:
        """The first day of the range before."""
        return self.first - timedelta(days=self.day_count)


class Comparison(msgspec.Struct, frozen=True):
    """Amounts by day, and those of the range before, in the order of the days."""

    days: dict[date, Decimal | int]
    previous: list[Decimal | int]

    @property
    def total(self) -> Decimal | int:
        """The amount of the range."""
        return sum(self.days.values())

    @property
    def total_before(self) -> Decimal | int:
        """The amount of the range before."""
        return sum(self.previous)


class Overview(msgspec.Struct, frozen=True):
    """How many fans there are and can be reached, and how many are new."""

    reach: SegmentStatus
    metrics: FanMetrics
    new_fans: Comparison


def last_days(account: Account, day_count: int, now: datetime) -> Range:
    """Return the last days, today included."""
    return Range(account, day_count, day_of(now, account.time_zone))


async def overview(db: Db, days: Range, now: datetime) -> Overview:
    """Return how many fans there are and can be reached, and how many are new."""
    stats = await criteria_stats(db, days.account, Criteria(), now)
    return Overview(stats.fans, stats.fan_metrics, await new_fans(db, days))


async def new_fans(db: Db, days: Range) -> Comparison:
    """Return new fans by day."""
    return (await _comparisons(db, days, NEW_FANS)).get("fans") or nothing(days)


async def activity(db: Db, days: Range) -> Comparison:
    """Return activities by day."""
    return (await _comparisons(db, days, ACTIVITIES)).get("activities") or nothing(days)


async def consents(db: Db, days: Range) -> tuple[Comparison, Comparison]:
    """Return how many fans said yes and how many no, by day."""
    series = await _comparisons(db, days, CONSENTS)
    return series.get("yes") or nothing(days), series.get("no") or nothing(days)


async def revenue(db: Db, days: Range) -> Mapping[str, Comparison]:
    """Return what was paid by day for each currency, the largest first."""
    series = await _comparisons(db, days, REVENUE)
    return dict(sorted(series.items(), key=lambda each: -max(each[1].total, each[1].total_before)))


async def campaigns(db: Db, days: Range, business_ids: tuple[int, ...] | None, now: datetime) -> list[RunningCampaign]:
    """Return the campaigns that run now, with the entries of the range."""
    start = day_bounds(days.first, days.account.time_zone)[0]
    return await running_campaigns(db, days.account.id, (start, now), business_ids)


async def account_overview(db: Db, account: Account, query: OverviewQuery, now: datetime) -> AccountOverview:
    """Return all figures of the last days."""
    days = last_days(account, query.days or DAYS, now)
    figures = await overview(db, days, now)
    yes, no = await consents(db, days)
    return AccountOverview(
        first_date=days.first,
        last_date=days.today,
        fans=figures.reach,
        fan_metrics=figures.metrics,
        new_fans=_answer(figures.new_fans),
        activities=_answer(await activity(db, days)),
        consents_granted=_answer(yes),
        consents_refused=_answer(no),
        revenue={currency: _answer(each) for currency, each in (await revenue(db, days)).items()},
        campaigns=[_campaign(each) for each in await campaigns(db, days, None, now)],
    )


def _answer(series: Comparison) -> DaySeries:
    amounts = [DayAmount(day, Decimal(amount)) for day, amount in series.days.items()]
    return DaySeries(Decimal(series.total), Decimal(series.total_before), amounts)


def _campaign(row: RunningCampaign) -> OverviewCampaign:
    end = int(row.ends_at.timestamp()) if row.ends_at else None
    return OverviewCampaign(row.page_tab_id, row.title, row.business_name, end, row.entry_count, row.fan_count)


def nothing(days: Range) -> Comparison:
    """Return a range in which nothing was."""
    length = range(days.day_count)
    return Comparison({days.first + timedelta(days=number): 0 for number in length}, [0 for _ in length])


async def _comparisons(db: Db, days: Range, statement: Heavy) -> dict[str, Comparison]:
    account = days.account
    series = await daily(db, statement, account.id, account.time_zone, (days.first_before, days.today))
    return {
        name: Comparison(
            {day: amount for day, amount in amounts.items() if day >= days.first},
            [amount for day, amount in amounts.items() if day < days.first],
        )
        for name, amounts in series.items()
    }
