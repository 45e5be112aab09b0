"""Schemas of idols, their events and the fans who follow them."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.fans.contact import identifies_people, read_contact
from fanfare.kernel.data.lines import LineFault, WrongLine, lines_of
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import (
    ChoiceForm,
    Day,
    Flag,
    Id,
    IntegerForm,
    LongText,
    MomentForm,
    OuterKey,
    Text,
    TextForm,
    Texts,
    Uuid,
)
from fanfare.places.schemas import CountryCode

IdolType = Annotated[str, ChoiceForm("artist", "sponsor", "podcast", "team", "other")]
Url = Annotated[str, TextForm(2000, r"https?://[^\s]+", "must be a URL that starts with http:// or https://")]
FollowerCount = Annotated[int, IntegerForm(0)]


class LocalTimeForm(MomentForm):
    """A time at the venue, YYYY-MM-DD HH:MM[:SS], without a zone."""

    def read(self, raw: object) -> datetime:
        """Return the local time, without a time zone."""
        try:
            moment = datetime.fromisoformat(str(raw).strip())
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is not None or not 1900 <= moment.year <= 2200:  # noqa: PLR2004 - as all days
            message = "must be the venue's local time in the form YYYY-MM-DD HH:MM:SS, without a time zone"
            raise ValueError(message)
        return moment

    def schema(self) -> dict[str, object]:
        """Describe the text."""
        return {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2})?$"}


LocalTime = Annotated[datetime, LocalTimeForm()]


class Idol(msgspec.Struct):
    """An idol with its labels."""

    account_id: int
    idol_uid: uuid.UUID
    idol_name: str
    idol_type: str
    description: str | None
    spotify_uid: str | None
    spotify_follower_count: int | None
    artist_id: str | None
    discovery_id: str | None
    media_uid: uuid.UUID | None
    image_url: str | None
    link_url: str | None
    idol_labels: list[str]


class Followers(msgspec.Struct):
    """How many fans follow an idol."""

    idol_uid: uuid.UUID
    fan_count: int


class IdolSearch(Params):
    """Filters for idols."""

    idol_name: Annotated[Text | None, "Name expression: part of the name; * matches anything."] = None
    label_name: Annotated[Text | None, "Only idols with this label."] = None


class OneIdol(Params):
    """The id of an idol."""

    idol_uid: Annotated[Uuid, "Idol by its uid."]


class NewIdol(Params):
    """An idol to create."""

    idol_name: Annotated[Text, "Name of the new idol; unique in the account."]
    spotify_uid: Annotated[Text | None, "Spotify id; needed for an artist, refused for any other type."] = None
    artist_id: Annotated[Text | None, "Artist id."] = None
    discovery_id: Annotated[Text | None, "Discovery id."] = None
    idol_type: Annotated[
        IdolType | None, "artist (needs spotify_uid), sponsor, podcast, team or other (must not have one)."
    ] = None
    label_names: Annotated[Texts | None, "Labels for the idol."] = None
    description: Annotated[LongText | None, "Type of the idol."] = None
    image_url: Annotated[Url | None, "Picture address."] = None
    link_url: Annotated[Url | None, "Page of the idol."] = None
    spotify_follower_count: Annotated[FollowerCount | None, "Followers on Spotify."] = None

    example: ClassVar[Mapping[str, object]] = {
        "idol_name": "Northside FC",
        "idol_type": "team",
        "label_names": ["football"],
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an artist without a Spotify id and any other type with one; without a type the id decides."""
        kind = values.get("idol_type") or ("artist" if values.get("spotify_uid") else "other")
        if kind == "artist" and not values.get("spotify_uid"):
            yield "spotify_uid", "is required for an artist"
        if kind != "artist" and values.get("spotify_uid"):
            yield "spotify_uid", "is only for an artist"


class IdolChanges(Params):
    """Fields of an idol to update; its type cannot change."""

    idol_uid: Annotated[Uuid, "Idol to change."]
    idol_name: Annotated[Text | None | UnsetType, "Name of the idol; unique in the account."] = UNSET
    artist_id: Annotated[Text | None | UnsetType, "Artist id."] = UNSET
    discovery_id: Annotated[Text | None | UnsetType, "Discovery id."] = UNSET
    description: Annotated[LongText | None | UnsetType, "Type of the idol."] = UNSET
    image_url: Annotated[Url | None | UnsetType, "Picture address."] = UNSET
    link_url: Annotated[Url | None | UnsetType, "Page of the idol."] = UNSET
    spotify_follower_count: Annotated[FollowerCount | None | UnsetType, "Followers on Spotify."] = UNSET
    label_names: Annotated[Texts | None | UnsetType, "All labels of the idol; they replace the present ones."] = UNSET

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an empty name."""
        if "idol_name" in values and values["idol_name"] is None:
            yield "idol_name", "must not be empty"


class IdolSaved(msgspec.Struct):
    """The idol that was saved."""

    idol_uid: uuid.UUID


class EventSearch(Params):
    """Filters for idol events."""

    idol_uid: Annotated[Uuid | None, "Only events of this idol."] = None
    venue_name: Annotated[Text | None, "Only events at this venue."] = None
    q: Annotated[Text | None, "Part of the name of the event, the idol or the venue."] = None
    label_name: Annotated[Text | None, "Only events with this label."] = None
    start_date: Annotated[Day | None, "First day of the range, at the venue."] = None
    end_date: Annotated[Day | None, "Last day of the range, at the venue."] = None
    performance_uid: Annotated[Uuid | None, "Only events of this performance."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a range that ends before it starts."""
        if values.get("start_date") and values.get("end_date") and values["end_date"] < values["start_date"]:
            yield "end_date", "must not be before start_date"


class IdolEvent(msgspec.Struct):
    """A show or set. Times are the venue's local time, YYYY-MM-DD HH:MM:SS without a zone."""

    event_uid: uuid.UUID
    idol_event_uid: uuid.UUID
    account_id: int
    idol_uid: uuid.UUID
    performance_uid: uuid.UUID | None
    event_name: str | None
    start_timestamp: str
    end_timestamp: str | None
    start_date: str
    start_time: str
    end_time: str | None
    venue_name: str | None
    display_venue_name: str | None
    city: str | None
    province: str | None
    country_code: str | None
    event_url: str | None
    ticket_url: str | None
    label_name: str | None
    idol_name: str
    idol_image_url: str | None
    media_uid: uuid.UUID | None
    image_url: str | None
    is_available: bool


class NewIdolEvent(Params):
    """An event to create."""

    idol_uid: Annotated[Uuid, "Idol that performs."]
    start_timestamp: Annotated[LocalTime, "Start in the venue's local time."]
    end_timestamp: Annotated[LocalTime | None, "End in the venue's local time."] = None
    event_name: Annotated[Text | None, "Name of the event."] = None
    performance_uid: Annotated[Uuid | None, "Performance that the event belongs to."] = None
    venue_name: Annotated[Text | None, "Venue."] = None
    display_venue_name: Annotated[Text | None, "Venue as it is shown, such as a stage."] = None
    city: Annotated[Text | None, "City."] = None
    province: Annotated[Text | None, "Province or state."] = None
    country_code: Annotated[CountryCode | None, "Country, as a two-letter code or by name."] = None
    event_url: Annotated[Url | None, "Page of the event."] = None
    ticket_url: Annotated[Url | None, "Where tickets are sold."] = None
    label_name: Annotated[Text | None, "Label of the event."] = None
    image_url: Annotated[Url | None, "Picture address."] = None
    is_available: Annotated[Flag | None, "Whether fans can still add it to their schedule; true by default."] = None

    example: ClassVar[Mapping[str, object]] = {
        "idol_uid": "4a1c6f0e-5f0f-4ad1-9c43-1f2f3f0a7d11",
        "event_name": "Main stage, Saturday",
        "start_timestamp": "2027-07-03 20:30:00",
        "venue_name": "Harbour Park",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an end before the start."""
        if values.get("end_timestamp") and values.get("start_timestamp", datetime.min) > values["end_timestamp"]:  # noqa: DTZ901 - local times
            yield "end_timestamp", "must not be before start_timestamp"


class IdolEventChanges(NewIdolEvent, kw_only=True):
    """The new state of an event."""

    event_uid: Annotated[Uuid, "Event to change."]


class OneIdolEvent(Params):
    """The id of an event."""

    event_uid: Annotated[Uuid, "Idol event by its uid."]


class IdolEventSaved(msgspec.Struct):
    """The event that was saved."""

    event_uid: uuid.UUID


class FanIdolQuery(Params):
    """Filters for idols of a fan."""

    fan_id: Annotated[Id, "Fan to read."]
    label_name: Annotated[Text | None, "Only idols with this label."] = None
    idol_uid: Annotated[Uuid | None, "Only this idol."] = None


class FanIdol(msgspec.Struct):
    """An idol that a fan follows. Times are unix seconds."""

    account_id: int
    idol_uid: uuid.UUID
    idol_name: str
    idol_type: str
    description: str | None
    is_explicit: bool
    creation_timestamp: int
    last_update_timestamp: int
    idol_labels: list[str]


class FanIdolChange(Params):
    """An idol to add to a fan or to remove."""

    fan_id: Annotated[Id, "Fan to change."]
    action: Annotated[Annotated[str, ChoiceForm("add", "delete")], "add or delete."]
    idol_uid: Annotated[Uuid | None, "Idol by uid; this or idol_name is needed."] = None
    idol_name: Annotated[Text | None, "Idol by name; this or idol_uid is needed."] = None
    is_explicit: Annotated[Flag | None, "The fan chose the idol themselves; true by default."] = None

    example: ClassVar[Mapping[str, object]] = {"action": "add", "idol_name": "Northside FC"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a change without idol_uid and idol_name."""
        if not values.get("idol_uid") and not values.get("idol_name"):
            yield "idol_uid", "is required when idol_name is left out"


class FanIdolSaved(msgspec.Struct):
    """The fan and the idol that were linked or unlinked."""

    fan_id: int
    idol_uid: uuid.UUID


class FanIdolPair(Params):
    """The ids of a fan and an idol."""

    fan_id: Annotated[Id, "Fan to unlink."]
    idol_uid: Annotated[Uuid, "Idol to unlink."]


class FanIdolItem(Params):
    """One fan and one idol of a batch."""

    email: Annotated[Text | None, "Email address of the fan."] = None
    phone: Annotated[Text | None, "Phone number of the fan."] = None
    user_key: Annotated[OuterKey | None, "Key of the fan in the network."] = None
    network: Annotated[Text | None, "Network of the user_key."] = None
    idol_uid: Annotated[Uuid | None, "Idol by uid; this or idol_name is needed."] = None
    idol_name: Annotated[Text | None, "Idol by name; this or idol_uid is needed."] = None
    first_name: Annotated[Text | None, "Given name of the fan."] = None
    last_name: Annotated[Text | None, "Family name of the fan."] = None
    is_explicit: Annotated[Flag | None, "The fan chose the idol themselves; true by default."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a row that does not identify a fan and an idol."""
        if not (values.get("email") or values.get("phone")):
            if not (values.get("user_key") and values.get("network")):
                yield "email", "or phone is required, or user_key with network"
            elif not identifies_people(values["network"]):
                yield "network", "must be an external network; send an email address or phone number as email or phone"
        if not values.get("idol_uid") and not values.get("idol_name"):
            yield "idol_uid", "is required when idol_name is left out"

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject invalid contact data."""
        yield from read_contact(values, context.account.country_code).faults


class ManyFanIdols(Params):
    """Links of fans to idols."""

    idol_fans: Annotated[
        Annotated[list[FanIdolItem | WrongLine], lines_of(FanIdolItem, 1000, "idol_fans", is_shown=False)],
        "Array of JSON strings, one per fan and idol; each needs email or phone, or user_key with network,"
        " and idol_uid or idol_name.",
    ]

    example: ClassVar[Mapping[str, object]] = {
        "idol_fans": ['{"email": "ada@example.com", "idol_name": "Northside FC"}']
    }


class ManyFanIdolsSaved(msgspec.Struct):
    """The rows that were saved, and those that failed with the reason."""

    inserted: list[FanIdolSaved]
    errors: list[LineFault]
