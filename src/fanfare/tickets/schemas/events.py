"""Schemas of ticket events."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Day, Flag, LongText, NetworkName, OuterKey, Text, Uuid


class TicketEvent(msgspec.Struct):
    """An event that tickets are sold for. creation_timestamp is in unix seconds."""

    event_uid: uuid.UUID
    account_id: int
    event_key: str | None
    event_name: str
    venue_name: str | None
    artist_name: str | None
    event_date: date
    creation_timestamp: int
    network: str | None
    notes: str | None
    label_name: str | None
    event_type: str | None
    venue_province: str | None


class EventCount(Meta):
    """The number of events in the response."""

    count: int


class TicketEventQuery(Params):
    """Filters for events."""

    event_name: Annotated[Text | None, "Exact event name."] = None
    event_key: Annotated[OuterKey | None, "Event id in the ticketing system."] = None
    event_date: Annotated[Day | None, "Day of the event (YYYY-MM-DD)."] = None
    network: Annotated[NetworkName | None, "Ticketing network."] = None
    venue_name: Annotated[Text | None, "Exact venue name."] = None
    is_ticketless_only: Annotated[
        Flag, "Only events without tickets; cannot be combined with the key, date, name or venue filters."
    ] = False

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject filters together with is_ticketless_only."""
        if values.get("is_ticketless_only"):
            for name in ("event_key", "event_date", "event_name", "venue_name"):
                if values.get(name):
                    yield name, "may not be given together with is_ticketless_only"


class TicketEventSave(Params):
    """An event to create, update or delete; an update changes the fields sent and clears the empty ones."""

    event_name: Annotated[Text | None, "Exact event name."] = None
    event_key: Annotated[OuterKey | None | UnsetType, "Event id in the ticketing system."] = UNSET
    event_date: Annotated[Day | None, "Day of the event (YYYY-MM-DD)."] = None
    network: Annotated[NetworkName | None | UnsetType, "Ticketing network."] = UNSET
    action: Annotated[
        Annotated[str, ChoiceForm("create", "update", "delete")] | None, "create (default), update or delete."
    ] = None
    event_uid: Annotated[Uuid | None, "Event to update or delete; needed for both."] = None
    venue_name: Annotated[Text | None | UnsetType, "Venue."] = UNSET
    artist_name: Annotated[Text | None | UnsetType, "Artist."] = UNSET
    notes: Annotated[LongText | None | UnsetType, "Free notes."] = UNSET
    label_name: Annotated[Text | None | UnsetType, "Label of the event."] = UNSET
    event_type: Annotated[Text | None | UnsetType, "Type of event."] = UNSET
    venue_province: Annotated[Text | None | UnsetType, "Province or state of the venue."] = UNSET

    example: ClassVar[Mapping[str, object]] = {
        "event_name": "Northside FC - Harbour United",
        "event_key": "NFC-17",
        "event_date": "2027-07-03",
        "network": "boxoffice",
        "venue_name": "Harbour Park",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a missing event_name or event_date for create, or a missing event_uid for update and delete."""
        action = values.get("action") or "create"
        if action == "create":
            yield from ((name, "is required") for name in ("event_name", "event_date") if name not in values)
        elif "event_uid" not in values:
            yield "event_uid", f"is required to {action}"


class TicketEventSaved(msgspec.Struct):
    """The event and the result: success, or duplicate when the new event exists."""

    event_uid: uuid.UUID
    action: Literal["create", "update", "delete"]
    status: Literal["success", "duplicate"]
