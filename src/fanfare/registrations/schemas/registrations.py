"""Schemas of registrations."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.fans.contact import read_contact
from fanfare.kernel.data.paging import Meta, NextCursor, ReadingOrder
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import (
    Day,
    Flag,
    Id,
    LimitForm,
    Moment,
    NetworkName,
    OuterKey,
    Text,
    Uuid,
    future_faults,
)

Limit = Annotated[int, LimitForm(1000)]


class Registration(msgspec.Struct):
    """A wristband or ticket registered to a fan; timestamps in unix seconds, days YYYY-MM-DD.

    is_subscribed and is_phone_subscribed are the fan's latest consents, performance_uid the performance of that day
    with the event's key or name. fan_id and personal data are null once the fan is erased.
    """

    account_id: int
    registration_key: str
    order_key: str | None
    event_name: str
    event_date: date
    event_key: str | None
    fan_id: int | None
    registration_timestamp: int
    email: str | None
    venue_name: str | None
    barcode: str | None
    lookup_id: str | None
    ticket_key: str | None
    network: str
    first_name: str | None
    last_name: str | None
    phone: str | None
    address: str | None
    city: str | None
    country_code: str | None
    province: str | None
    postal_code: str | None
    is_minor: bool | None
    birth_date: date | None
    is_preferred: bool
    creation_timestamp: int
    activity_id: int | None
    is_subscribed: bool
    is_phone_subscribed: bool
    performance_uid: uuid.UUID | None


class RegistrationMeta(Meta):
    """The number of rows in this response, and the `cursor` of the next ones."""

    count: int
    next_cursor: str | None


class RegistrationQuery(Params):
    """Filters for registrations."""

    start_date: Annotated[Day | None, "Registered on or after this day, in the account's zone."] = None
    end_date: Annotated[Day | None, "Registered on or before this day, in the account's zone."] = None
    email: Annotated[Text | None, "Only registrations of this email address."] = None
    performance_uid: Annotated[Uuid | None, "Only registrations for this performance."] = None
    limit: Annotated[Limit, "Maximum number of rows to return."] = 50
    order: ReadingOrder = "desc"
    cursor: NextCursor = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an end before the start."""
        if "start_date" in values and "end_date" in values and values["end_date"] < values["start_date"]:
            yield "end_date", "must not be before start_date"


class EntryQuery(RegistrationQuery):
    """Filters for registrations with their entries."""


class RegistrationEntry(Registration, kw_only=True):
    """A registration, and the first scan that let its holder in; how many did, and how many were refused."""

    entry_timestamp: int | None = None
    gate_name: str | None = None
    entry_count: int = 0
    refusal_count: int = 0


class FanRegistrationQuery(Params):
    """Filters for registrations of a fan."""

    fan_id: Annotated[Id, "Fan."]
    limit: Annotated[Limit, "Maximum number of rows to return."] = 50
    order: ReadingOrder = "desc"
    cursor: NextCursor = None


class RegistrationLine(Params):
    """A wristband or ticket, and its holder."""

    first_name: Annotated[Text, "Given name of the fan."]
    last_name: Annotated[Text, "Family name of the fan."]
    event_name: Annotated[Text, "Name of the event."]
    event_date: Annotated[Day, "Day of the event, ISO date."]
    email: Annotated[Text, "Email address of the fan."]
    registration_key: Annotated[OuterKey, "Unique key of the registration line."]
    registration_timestamp: Annotated[Moment, "Time of registration, YYYY-MM-DD HH:MI:SS in GMT."]
    network: Annotated[NetworkName, "Ticketing network."]
    phone: Annotated[Text | None, "Phone number of the fan."] = None
    venue_name: Annotated[Text | None, "Venue."] = None
    barcode: Annotated[OuterKey | None, "Wristband or ticket barcode."] = None
    lookup_id: Annotated[OuterKey | None, "Look-up id printed on the wristband."] = None
    event_key: Annotated[OuterKey | None, "Event id in the ticketing system."] = None
    ticket_key: Annotated[OuterKey | None, "Unique key of the ticket line (one per price code and amount)."] = None
    is_minor: Annotated[Flag | None, "Whether the holder is under age."] = None
    birth_date: Annotated[Day | None, "Date of birth, YYYY-MM-DD."] = None
    country_code: Annotated[Text | None, "Country, as a two-letter code."] = None
    province: Annotated[Text | None, "Province or state."] = None
    city: Annotated[Text | None, "City."] = None
    postal_code: Annotated[Text | None, "Postal code or ZIP."] = None
    address: Annotated[Text | None, "Street address."] = None
    activity_id: Annotated[Id | None, "Activity to link the row to."] = None
    is_preferred: Annotated[Flag | None, "Whether this is the preferred registration."] = None
    is_subscribed: Annotated[Flag | None, "Email marketing opt-in; false opts out; no change when left out."] = None
    is_phone_subscribed: Annotated[Flag | None, "SMS marketing opt-in; false opts out; no change when left out."] = None
    order_key: Annotated[OuterKey | None, "Order the line belongs to."] = None

    example: ClassVar[Mapping[str, object]] = {
        "registration_key": "wristband-1001",
        "network": "festival",
        "registration_timestamp": "2026-06-20T17:30:00Z",
        "event_name": "Tideline",
        "event_date": "2026-07-03",
        "first_name": "Ada",
        "last_name": "Okoro",
        "email": "ada@example.com",
        "barcode": "0451001",
    }

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject future times, and addresses and numbers that are invalid in the account's country."""
        yield from future_faults(context.now, values, "registration_timestamp", "birth_date")
        yield from read_contact(values, context.account.country_code).faults


class NewRegistration(RegistrationLine):
    """A registration to create, or to update by its key."""

    fan_id: Annotated[
        Id | None, "Fan the registration belongs to; found or created by email and phone when left out."
    ] = None


class NewFanRegistration(RegistrationLine, kw_only=True):
    """A registration of an existing fan."""

    fan_id: Annotated[Id, "Fan the registration belongs to."]


class RegistrationSaved(msgspec.Struct):
    """The stored registration and its fan."""

    registration_key: str
    fan_id: int
