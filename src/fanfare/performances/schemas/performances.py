"""Schemas of performances and schedules."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar

import msgspec

from fanfare.idols.schemas import IdolEvent
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Day, Id, ListForm, LongText, OuterKey, Text, TextForm, Texts, Uuid
from fanfare.places.schemas import CountryCode

SafeUrl = Annotated[str, TextForm(2000, r"https://[^\s]+", "must start with https://")]
Status = Annotated[str, ChoiceForm("draft", "ready", "archived")]
BuyingGroup = Annotated[str, TextForm(31)]
GroupName = Annotated[str, TextForm(127)]


class Performance(msgspec.Struct, kw_only=True):
    """A show or game. creation_timestamp is in unix seconds, days are YYYY-MM-DD.

    is_valid_idol says whether an idol of the account has the artist's name.
    """

    performance_uid: uuid.UUID
    account_id: int
    performance_name: str
    performance_date: date
    fb_ad_account_id: str | None
    metro_area: str | None
    creation_timestamp: int
    onsale_date: date | None
    venue_name: str | None
    display_venue_name: str | None
    promoter: str | None
    artist_name: str | None
    additional_artist_names: list[str]
    campaign_event_key: str | None
    province: str | None
    country_code: str | None
    city: str | None
    performance_url: str | None
    status: str
    announce_date: date | None
    buying_group: str | None
    notes: str | None
    performance_group_name: str | None
    venue_uid: uuid.UUID | None
    business_id: int | None
    fb_event_id: str | None
    label_name: str | None
    is_valid_idol: bool
    outlet: str | None
    vendor: str | None
    referral_page_tab_id: int | None


class OnePerformance(Params):
    """The id of a performance."""

    performance_uid: Annotated[Uuid, "Performance by its uid."]


class PerformanceFields(Params, kw_only=True):
    """What whoever creates a performance says of it."""

    performance_name: Annotated[Text, "Name of the performance."]
    performance_date: Annotated[Day, "Day of the performance (YYYY-MM-DD)."]
    onsale_date: Annotated[Day | None, "Start of sales (YYYY-MM-DD)."] = None
    announce_date: Annotated[Day | None, "Day of announcement (YYYY-MM-DD)."] = None
    fb_ad_account_id: Annotated[Text | None, "Facebook ad account."] = None
    venue_uid: Annotated[Uuid | None, "Venue uid."] = None
    promoter: Annotated[Text | None, "Promoter."] = None
    artist_name: Annotated[Text | None, "Artist."] = None
    campaign_event_key: Annotated[OuterKey | None, "Event key used in campaigns."] = None
    performance_url: Annotated[SafeUrl | None, "Page of the performance; must start with https://."] = None
    buying_group: Annotated[BuyingGroup | None, "Buying group, shorter than 32 characters."] = None
    notes: Annotated[LongText | None, "Free notes."] = None
    business_id: Annotated[Id | None, "Business of the performance."] = None
    fb_event_id: Annotated[Text | None, "Facebook event."] = None
    label_name: Annotated[Text | None, "Label of the performance."] = None
    additional_artist_names: Annotated[Texts | None, "List of further artists."] = None
    outlet: Annotated[Text | None, "Sales outlet."] = None
    vendor: Annotated[Text | None, "Ticket vendor."] = None
    referral_page_tab_id: Annotated[Id | None, "Referral campaign."] = None
    venue_name: Annotated[Text | None, "Venue."] = None
    display_venue_name: Annotated[Text | None, "Venue as it is shown."] = None
    city: Annotated[Text | None, "City of the venue."] = None
    province: Annotated[Text | None, "Province or state of the venue."] = None
    country_code: Annotated[CountryCode | None, "Country of the venue, as a two-letter code or by name."] = None


# What an update can empty: all but the name, the day, the state, and the list of further artists.
CLEARABLE = tuple(
    name
    for name in (*PerformanceFields.__struct_fields__, "performance_group_name")
    if name not in ("performance_name", "performance_date", "additional_artist_names")
)


class NewPerformance(PerformanceFields, kw_only=True):
    """A performance to create."""

    status: Annotated[Status | None, "draft, ready or archived."] = None
    performance_group_name: Annotated[GroupName | None, "Performance group, shorter than 128 characters."] = None

    example: ClassVar[Mapping[str, object]] = {
        "performance_name": "Northside FC - Harbour United",
        "performance_date": "2027-07-03",
        "performance_url": "https://northside.example/fixtures/17",
    }


class PerformanceChanges(NewPerformance, kw_only=True):
    """The new state of a performance; a field left out stays as it is."""

    performance_uid: Annotated[Uuid, "Performance to change."]
    fields_to_clear: Annotated[
        Annotated[list[str], ListForm(ChoiceForm(*CLEARABLE))] | None,
        "Fields to empty; those that are sent too are set.",
    ] = None


class PerformanceSaved(msgspec.Struct):
    """The performance that was saved."""

    performance_uid: uuid.UUID


class ScheduleQuery(Params):
    """Filters for a fan's schedule."""

    fan_id: Annotated[Id, "Fan to read."]
    idol_label_name: Annotated[Text | None, "Only idol events with this label."] = None
    idol_uid: Annotated[Uuid | None, "Only events of this idol."] = None


class Schedule(msgspec.Struct):
    """A fan's schedule: idol events by start, performances by day."""

    idol_events: list[IdolEvent]
    performances: list[Performance]


class FanEvent(Params):
    """A fan and an idol event."""

    fan_id: Annotated[Id, "Fan whose schedule it is."]
    event_uid: Annotated[Uuid, "Idol event."]


class FanEventSaved(msgspec.Struct):
    """The fan and the event on the schedule."""

    fan_id: int
    event_uid: uuid.UUID


class FanPerformance(Params):
    """A fan and a performance."""

    fan_id: Annotated[Id, "Fan to link."]
    performance_uid: Annotated[Uuid, "Performance."]


class FanPerformanceSaved(msgspec.Struct):
    """The fan and the performance that were linked."""

    fan_id: int
    performance_uid: uuid.UUID
