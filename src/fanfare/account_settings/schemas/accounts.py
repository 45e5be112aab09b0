"""Shapes of an account's time zone, currency and country."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Currency, TimeZone
from fanfare.places.schemas import CountryCode


class ZoneChange(msgspec.Struct):
    """A change of the time zone, which a job carries out: what it moved to other days. Timestamps are in unix seconds.

    completion_timestamp is null until then; figures are by days of the old time zone meanwhile.
    """

    old_time_zone: str
    time_zone: str
    creation_timestamp: int
    completion_timestamp: int | None
    click_count: int
    sale_count: int
    segment_move_count: int
    schedule_count: int


class AccountSettings(msgspec.Struct):
    """Where an account is at home: its days are those of time_zone, amounts without a currency are in currency.

    Phone numbers without a country code are read as those of country_code. zone_change is the last change of the zone.
    """

    account_id: int
    account_name: str
    time_zone: str
    currency: str
    country_code: str | None
    creation_timestamp: int
    zone_change: ZoneChange | None


class AccountChanges(Params):
    """Fields of the account to update; what is left out stays. What is stored is not converted."""

    currency: Annotated[Currency | None, "Currency of new amounts that come without one."] = None
    country_code: Annotated[
        CountryCode | None | UnsetType, "Country of new phone numbers without a code; empty for none."
    ] = UNSET

    example: ClassVar[Mapping[str, object]] = {"currency": "USD", "country_code": "CA"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield an error if nothing is to be changed."""
        if values.get("currency") is None and "country_code" not in values:
            yield "currency", "is required, or country_code"


class NewZone(Params):
    """A time zone for the account."""

    time_zone: Annotated[TimeZone, "Time zone by its name, such as Europe/Berlin."]

    example: ClassVar[Mapping[str, object]] = {"time_zone": "Europe/Berlin"}


class NewCurrency(Params):
    """A currency for the account."""

    currency: Annotated[Currency, "Currency to look at, such as EUR."]

    example: ClassVar[Mapping[str, object]] = {"currency": "EUR"}


class ZonePreview(msgspec.Struct):
    """What another time zone changes.

    Counted again by its days: clicks and sales of links that are of another day there, and fans who entered or left a
    segment since its criteria were last changed. Schedules of exports run at their hour there. Daily views of campaigns
    (view_row_count) stay by the days on which they were counted. Everything else is read by the new days at once.
    """

    time_zone: str
    click_count: int
    sale_count: int
    segment_move_count: int
    schedule_count: int
    view_row_count: int


class CurrencyPreview(msgspec.Struct):
    """What another currency means; nothing that is stored is converted.

    Orders and tickets have a currency of their own, which stays (order_line_count, ticket_count in the present one).
    Prices of campaign items and budgets have none: the same number is read in the new currency.
    """

    currency: str
    order_line_count: int
    ticket_count: int
    item_price_count: int
    budget_line_count: int
