"""Schemas of sales figures."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Day, Flag, OuterKey, Text

MAX_DAYS = 3653


class SalesRange(Params):
    """Filters for the sales to add up; days are in the account's time zone."""

    max_purchase_date: Annotated[Day, "Last purchase day (YYYY-MM-DD)."]
    min_purchase_date: Annotated[Day, "First purchase day (YYYY-MM-DD)."]
    event_name: Annotated[Text | None, "Exact event name."] = None
    event_key: Annotated[OuterKey | None, "Event id in the ticketing system."] = None
    event_date: Annotated[Day | None, "Day of the event (YYYY-MM-DD)."] = None
    venue_name: Annotated[Text | None, "Exact venue name."] = None
    artist_name: Annotated[Text | None, "Artist."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a range that ends before it starts."""
        first, last = values.get("min_purchase_date"), values.get("max_purchase_date")
        if first and last and last < first:
            yield "max_purchase_date", "must not be before min_purchase_date"


class StatsQuery(SalesRange):
    """Filters for the sales to add up; a returning fan is by default one who bought before the first day."""

    event_specific: Annotated[
        Flag,
        "Count new and returning fans per event: a returning fan bought for another event before; off by default.",
    ] = False


class Sales(msgspec.Struct):
    """Sales: fans who bought, orders, seats, and revenue in the account's currency.

    A line without order_key is an order by itself. `revenue_by_currency` has every currency.
    """

    returning_fans_count: int
    new_fans_count: int
    sales_count: int
    seats_count: int
    revenue: Decimal
    revenue_by_currency: dict[str, Decimal]


class SalesBy(SalesRange):
    """Filters for the sales to add up, and how to group them."""

    by: Annotated[Annotated[str, ChoiceForm("date", "event")] | None, "date (default) or event."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Also reject a range of more than ten years, since each day is a row."""
        yield from super().faults(values)
        first, last = values.get("min_purchase_date"), values.get("max_purchase_date")
        if first and last and (last - first).days > MAX_DAYS:
            yield "max_purchase_date", "must be at most ten years after min_purchase_date"


class SalesRow(msgspec.Struct):
    """Sales of one day of the account, or of one event; the other is null. Revenue as in the totals."""

    purchase_date: date | None
    event_uid: uuid.UUID | None
    event_name: str | None
    event_date: date | None
    fans_count: int
    sales_count: int
    seats_count: int
    revenue: Decimal
