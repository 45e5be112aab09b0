"""Schemas of activities."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.fans.contact import read_contact
from fanfare.fans.schemas.fans import Fan
from fanfare.kernel.data.paging import Meta, Order
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import (
    Address,
    AnyForm,
    Day,
    Flag,
    Id,
    Instant,
    LimitForm,
    OuterKey,
    Text,
    TextForm,
    Wildcard,
)

PAGE = 200
LONGEST_LIST = 10_000

Limit = Annotated[int, LimitForm(LONGEST_LIST)]
PlaceName = Annotated[str, TextForm(100)]
CountryCode = Annotated[str, TextForm(100)]


class Network(msgspec.Struct):
    """An external identity of a fan: a network or other system, and the fan's id there."""

    network: str
    identifier_value: str


class Activity(msgspec.Struct):
    """An activity of a fan, with its campaign and the fan's current consents.

    `name` is the fan's own; `details` are the values recorded with the activity. The last three are null unless
    `include_details` was asked for. `creation_date` is the day in the account's time zone, `creation_timestamp` the
    moment as ISO 8601 in UTC, to the second.
    """

    activity_id: int
    account_id: int
    fan_id: int
    creation_date: date
    campaign_title: str | None
    app_type: str | None
    page_tab_id: int | None
    opted_in_business_ids: list[int]
    is_subscribed: bool
    is_phone_subscribed: bool
    creation_timestamp: Instant
    stream_key: str | None
    ip_address: str | None
    user_key: str | None
    name: str | None
    details: dict[str, Any]
    fan: Fan | None = None
    networks: list[Network] | None = None
    idol_names: list[str] | None = None


class ActivityPageMeta(Meta):
    """The direction of a page and its lowest and highest activity_id; an empty page repeats the request's."""

    order: Order
    min_activity_id: int
    max_activity_id: int


class ActivityWindow(Params):
    """Filters for activities, at most 200 per page."""

    min_activity_id: Annotated[Id | None, "Only activities with a larger id, the oldest first."] = None
    max_activity_id: Annotated[Id | None, "Only activities with a smaller id."] = None
    limit: Annotated[Annotated[int, LimitForm(PAGE)] | None, "Page size; 200 by default."] = None
    page_tab_id: Annotated[Id | None, "Only activities in this campaign."] = None
    activity_date: Annotated[Day | None, "Only activities of this day in the account's time zone."] = None
    include_details: Annotated[Flag, "Add fan, networks and idol_names to each row; else they are null."] = False


class FanActivity(msgspec.Struct):
    """An activity of a fan: `creation_date` is the account's day, `creation_timestamp` ISO 8601 UTC, to the second."""

    account_id: int
    fan_id: int
    creation_date: date
    campaign_title: str | None
    props: dict[str, Any]
    activity_id: int
    page_tab_id: int | None
    creation_timestamp: Instant


class FanActivityWindow(Params):
    """Filters for activities of one fan, the newest first."""

    fan_id: Annotated[Id, "Fan whose activities are read."]
    limit: Annotated[Limit | None, "Maximum number of rows to return, 200 by default."] = None
    campaign_title: Annotated[Text | None, "Only activities in campaigns of this title."] = None
    max_activity_id: Annotated[Id | None, "Only activities with a smaller id: the next page."] = None


class CampaignActivity(msgspec.Struct):
    """An activity without personal data except the fan id. The time is ISO 8601 in UTC, to the second."""

    fan_id: int
    activity_id: int
    creation_timestamp: Instant


class CampaignActivityWindow(Params):
    """Filters for activities of one campaign, the newest first, or the oldest first from `min_activity_id` on."""

    page_tab_id: Annotated[Id, "Campaign whose activities are read."]
    limit: Annotated[Limit | None, "Maximum number of rows to return, 1000 by default."] = None
    min_activity_id: Annotated[Id | None, "Only activities with a larger id, the oldest first."] = None
    max_activity_id: Annotated[Id | None, "Only activities with a smaller id."] = None


class Counter(msgspec.Struct):
    """How many activities of a campaign have a property with this value (as text; null where it is null)."""

    account_id: int
    campaign_title: str
    property_name: str
    counter: int
    property_value: str | None


class CounterChoice(Params):
    """What to count: activities of custom campaigns by the values of their properties."""

    campaign_title: Annotated[Text | None, "Name of the custom campaign; all of them when left out."] = None
    property_name: Annotated[Text | None, "Custom property to count; all of them when left out."] = None
    limit: Annotated[Limit | None, "Maximum number of rows to return, the highest first; 10000 by default."] = None


class NewActivity(Params):
    """An activity of a fan, who is found by email or created."""

    email: Annotated[Text, "Email address of the fan."]
    first_name: Annotated[Text | None, "Given name of the fan."] = None
    last_name: Annotated[Text | None, "Family name of the fan."] = None
    phone: Annotated[Text | None, "Phone number of the fan."] = None
    campaign_title: Annotated[Text | None, "Name of the custom campaign; created when new."] = None
    province: Annotated[PlaceName | None, "Province or state."] = None
    postal_code: Annotated[PlaceName | None, "Postal code or ZIP."] = None
    country_code: Annotated[CountryCode | None, "Country, as a two-letter code."] = None
    is_subscribed: Annotated[Flag | None, "Email marketing opt-in."] = None
    is_phone_subscribed: Annotated[Flag | None, "SMS marketing opt-in."] = None
    ip_address: Annotated[Address | None, "Address that the fan used."] = None
    user_key: Annotated[OuterKey | None, "The integration's id of the fan or the visit."] = None
    props: Annotated[
        dict[str, Any] | None, Wildcard("field_", AnyForm()), "Value to record; the part after field_ is its name."
    ] = None

    example: ClassVar[Mapping[str, object]] = {
        "email": "sam@example.com",
        "first_name": "Sam",
        "campaign_title": "Half-time quiz",
        "is_subscribed": True,
        "field_team": "blue",
    }

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject invalid contact data."""
        yield from read_contact(values, context.account.country_code).faults


class NewFanActivity(Params):
    """An activity of an existing fan."""

    fan_id: Annotated[Id, "Fan who did it."]
    campaign_title: Annotated[Text, "Name of the custom campaign; created when new."]
    ip_address: Annotated[Address | None, "Address that the fan used."] = None
    user_key: Annotated[OuterKey | None, "The integration's id of the fan or the visit."] = None
    props: Annotated[
        dict[str, Any] | None, Wildcard("field_", AnyForm()), "Value to record; the part after field_ is its name."
    ] = None

    example: ClassVar[Mapping[str, object]] = {"campaign_title": "Half-time quiz", "field_team": "blue"}


class ActivitySaved(msgspec.Struct):
    """The recorded activity and its fan."""

    fan_id: int
    activity_id: int
