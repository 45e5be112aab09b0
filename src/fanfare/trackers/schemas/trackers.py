"""Shapes of trackers."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import BoundMoment, DayForm, Flag, Id, LimitForm, Text, TextForm, text_of
from fanfare.trackers.schemas.urls import AnyHost, EventWildcard, TargetUrl, TrackerKey, TrackerNetwork

# Days of the figures where no dates are sent.
DAYS = 31
ROWS = 500
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")


class MonthFirstForm(DayForm):
    """A day as mm/dd/yy or mm/dd/yyyy, or as YYYY-MM-DD."""

    month_first = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{2}|[0-9]{4})")

    def read(self, raw: object) -> date:
        """Return the day; a year of two digits is of this century."""
        match = self.month_first.fullmatch(text_of(raw).strip())
        if match is None:
            with suppress(ValueError):
                return super().read(raw)
        else:
            month, day, year = (int(part) for part in match.groups())
            with suppress(ValueError):
                return super().read(date(year if year > 99 else 2000 + year, month, day).isoformat())  # noqa: PLR2004
        message = "must be a date in the form mm/dd/yy"
        raise ValueError(message)

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {"type": "string", "examples": ["06/01/27"]}


ShortDay = Annotated[date, MonthFirstForm()]
Name = Annotated[str, TextForm(128)]
GroupName = Annotated[str, TextForm(64)]
Utm = Annotated[str, TextForm(200)]
Password = Annotated[str, TextForm(200)]


class FigureDays(Params):
    """Days of the account that figures are of."""

    min_creation_date: Annotated[
        ShortDay | None, "Start of the statistics window, mm/dd/yy; 31 days up to its end when left out."
    ] = None
    max_creation_date: Annotated[ShortDay | None, "End of the statistics window, mm/dd/yy; today when left out."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a window that ends before it starts."""
        start, end = values.get("min_creation_date"), values.get("max_creation_date")
        if isinstance(start, date) and isinstance(end, date) and end < start:
            yield "max_creation_date", "must not be before min_creation_date"


class TrackersQuery(FigureDays, kw_only=True):
    """Which trackers, and the days of their figures."""

    text: Annotated[Text | None, "Part of the name, group, key or target; case and accents are ignored."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class TrackerQuery(FigureDays, kw_only=True):
    """A tracker, and the days of its figures."""

    tracker_id: Annotated[Id, "Tracker by its id."]


class OneTracker(Params):
    """The id of a tracker."""

    tracker_id: Annotated[Id, "Tracker by its id."]


class UtmFields(Params, kw_only=True):
    """UTM parameters that the target gets, unless the link or the target has them."""

    utm_source: Annotated[Utm | None | UnsetType, "UTM parameter that the target gets, unless the link has it."] = UNSET
    utm_medium: Annotated[Utm | None | UnsetType, "The same."] = UNSET
    utm_campaign: Annotated[Utm | None | UnsetType, "The same."] = UNSET
    utm_term: Annotated[Utm | None | UnsetType, "The same."] = UNSET
    utm_content: Annotated[Utm | None | UnsetType, "The same."] = UNSET

    def utm(self) -> dict[str, str | None]:
        """Return the parameters that were sent; None for one to be removed."""
        values = {name: getattr(self, name) for name in UTM}
        return {name: value for name, value in values.items() if value is not UNSET}


class NewTracker(UtmFields, kw_only=True):
    """A tracker to create."""

    virtual_domain: Annotated[AnyHost, "Redirect domain: the operator's, or a confirmed one of the account."]
    target_url: Annotated[TargetUrl, "Where the tracker leads."]
    tracker_name: Annotated[Name, "Tracker name, up to 128 characters."]
    tracker_group_name: Annotated[Name, "Group of the tracker."]
    network: Annotated[
        TrackerNetwork, "spotify, instagram, facebook, google, X or custom; anything else becomes custom."
    ] = "custom"
    tracker_key: Annotated[TrackerKey | None, "Alphanumeric key; generated when left out."] = None
    purchase_event_wildcard: Annotated[
        EventWildcard | None,
        "Pattern that ties pixel purchase events to the tracker: * stands for any characters, ? for one.",
    ] = None
    tracker_marketing_group_name: Annotated[GroupName | None, "Marketing group, up to 64 characters."] = None
    page_tab_id: Annotated[Id | None, "Campaign the tracker belongs to."] = None
    password: Annotated[Password | None, "Visitors have to enter it; stored as a hash."] = None
    expiration_timestamp: Annotated[BoundMoment | None, "When the link stops redirecting."] = None
    is_click_id_passed: Annotated[
        Flag, "Whether the target gets the parameter trk_click, which the sales pixel gives back."
    ] = True

    example: ClassVar[Mapping[str, object]] = {
        "virtual_domain": "localhost",
        "target_url": "https://shop.example.com/tickets?lang=en",
        "tracker_name": "Season tickets, spring mail",
        "tracker_group_name": "Mail",
        "network": "custom",
        "utm_source": "mail",
    }


class TrackerChanges(UtmFields, kw_only=True):
    """Fields of a tracker to change; an empty value clears a field, a field left out stays as it is."""

    tracker_id: Annotated[Id, "Tracker to change."]
    target_url: Annotated[TargetUrl | None | UnsetType, "Where the tracker leads."] = UNSET
    tracker_name: Annotated[Name | None | UnsetType, "Tracker name."] = UNSET
    tracker_group_name: Annotated[Name | None | UnsetType, "Group of the tracker."] = UNSET
    network: Annotated[TrackerNetwork | None | UnsetType, "Network of the tracker."] = UNSET
    purchase_event_wildcard: Annotated[EventWildcard | None | UnsetType, "Pattern of purchase events."] = UNSET
    tracker_marketing_group_name: Annotated[GroupName | None | UnsetType, "Marketing group."] = UNSET
    page_tab_id: Annotated[Id | None | UnsetType, "Campaign the tracker belongs to."] = UNSET
    password: Annotated[Password | None | UnsetType, "Visitors have to enter it; empty for none."] = UNSET
    expiration_timestamp: Annotated[
        BoundMoment | None | UnsetType, "When the link stops redirecting; empty for never."
    ] = UNSET
    is_click_id_passed: Annotated[Flag | None | UnsetType, "Whether the target gets the parameter trk_click."] = UNSET

    example: ClassVar[Mapping[str, object]] = {"target_url": "https://shop.example.com/last-tickets"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an empty value for a mandatory field."""
        for name in ("target_url", "tracker_name", "tracker_group_name", "network", "is_click_id_passed"):
            if name in values and values[name] is None:
                yield name, "must not be empty"


class TrackerSaved(msgspec.Struct):
    """The tracker that was saved, and its link by domain and key."""

    tracker_id: int
    virtual_domain: str
    tracker_key: str


class TrackerDay(msgspec.Struct):
    """The clicks of a tracker on one day by verdict, and the sales attributed to it, in amounts by currency."""

    day: date
    click_counts: dict[str, int]
    purchase_count: Decimal
    purchase_amounts: dict[str, Decimal]


class Tracker(msgspec.Struct, kw_only=True):
    """A tracker with its figures in the window: clicks of humans, and attributed sales.

    attributed_purchase_amount is in the account's currency, other_currency_amounts has those of other currencies;
    clicks by verdict are in click_counts. Timestamps are in unix seconds, the `_iso` twin in GMT.
    """

    tracker_id: int
    account_id: int
    creation_timestamp: int
    tracker_name: str
    tracker_group_name: str
    target_url: str
    virtual_domain: str
    tracker_key: str
    purchase_event_wildcard: str | None
    tracker_url: str
    tracker_marketing_group_name: str | None
    network: str
    attributed_purchase_count: Decimal
    attributed_purchase_amount: Decimal
    other_currency_amounts: dict[str, Decimal]
    total_tracker_click_count: int
    click_counts: dict[str, int]
    creation_timestamp_iso: str
    page_tab_id: int | None
    utm_params: dict[str, str]
    is_click_id_passed: bool
    is_password_required: bool
    expiration_timestamp: int | None

    @classmethod
    def of(cls, row: Mapping[str, Any], host: str, base: str) -> Self:
        """Return a row with its domain: the operator's if it names none."""
        values = {name: value for name, value in row.items() if name != "position"}
        domain, address = (values.pop("host") or host), base
        if domain != host:
            address = f"{base.partition('://')[0]}://{domain}"
        return cls(**values, virtual_domain=domain, tracker_url=f"{address}/trk/{values['tracker_key']}")
