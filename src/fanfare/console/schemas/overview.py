"""Shapes of the figures of an account and of what needs a look."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import IntegerForm
from fanfare.search.schemas.stats import FanMetrics, SegmentStatus

DAYS, MAX_DAYS = 28, 366


class OverviewQuery(Params):
    """Which days."""

    days: Annotated[
        Annotated[int, IntegerForm(1, MAX_DAYS)] | None, "How many days, today included; 28 by default."
    ] = None

    example: ClassVar[Mapping[str, object]] = {"days": 28}


class DayAmount(msgspec.Struct):
    """What there was on a day, in the time zone of the account."""

    day: date
    amount: Decimal


class DaySeries(msgspec.Struct):
    """Amounts by day, their sum, and the sum of as many days before."""

    total: Decimal
    total_before: Decimal
    days: list[DayAmount]


class OverviewCampaign(msgspec.Struct):
    """A campaign that runs, with its entries of the range and the fans who made them. Timestamps are unix seconds."""

    page_tab_id: int
    title: str
    business_name: str | None
    end_timestamp: int | None
    entry_count: int
    fan_count: int


class AccountOverview(msgspec.Struct):
    """Figures of a range of days. `revenue` is what was paid for purchases, by currency; campaigns are at most 8."""

    first_date: date
    last_date: date
    fans: SegmentStatus
    fan_metrics: FanMetrics
    new_fans: DaySeries
    activities: DaySeries
    consents_granted: DaySeries
    consents_refused: DaySeries
    revenue: dict[str, DaySeries]
    campaigns: list[OverviewCampaign]


class UrgentMatter(msgspec.Struct):
    """Something to look at. `since_timestamp` is in unix seconds.

    concern is webhook, import, export, source, erasure_request or job; `key` identifies the thing, the stream for a
    source, and is empty for jobs.
    """

    concern: str
    name: str
    key: str
    amount: int
    since_timestamp: int
    detail: str
