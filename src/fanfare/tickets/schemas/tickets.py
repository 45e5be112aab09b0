"""Schemas of tickets: responses, creation by one or by batch, changes."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.fans.contact import read_contact
from fanfare.fans.schemas.fans import Fan
from fanfare.kernel.data.lines import LineResult, WrongLine, lines_of
from fanfare.kernel.data.paging import Meta, Order
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import (
    ChoiceForm,
    Currency,
    Day,
    DayForm,
    Flag,
    Id,
    Instant,
    IntegerForm,
    LimitForm,
    Moment,
    Money,
    NetworkName,
    OuterKey,
    Text,
    TextForm,
    future_faults,
)

BATCH = 100
PAGE = 1000
Limit = Annotated[int, LimitForm(PAGE)]
# Negative on a refund.
Seats = Annotated[int, IntegerForm(-1_000_000, 1_000_000)]
EventDay = Annotated[date, DayForm()]
Mail = Annotated[str, TextForm(320)]


class Ticket(msgspec.Struct):
    """A ticket line. Times are ISO 8601 in GMT to the second, event_date is YYYY-MM-DD, the amount is in `currency`.

    Email and place are the fan's current ones; `fan` is filled on request.
    """

    ticket_id: int
    ticket_key: str | None
    account_id: int
    fan_id: int
    email: str | None
    network: str | None
    event_uid: uuid.UUID
    event_key: str | None
    event_date: date
    event_name: str
    purchase_timestamp: Instant
    paid_amount: Decimal
    currency: str
    num_seats: int
    artist_name: str | None
    price_code: str | None
    venue_name: str | None
    city: str | None
    province: str | None
    country_code: str | None
    metro_area: str | None
    postal_code: str | None
    customer_key: str | None
    order_key: str | None
    is_deleted: bool
    last_updated_timestamp: Instant
    fan: Fan | None = None


class TicketPageMeta(Meta):
    """The direction of a page and its lowest and highest ticket_id; an empty page repeats the request's."""

    order: Order
    min_ticket_id: int
    max_ticket_id: int


class TicketWindow(Params):
    """Filters for tickets, at most 1000 per page."""

    min_ticket_id: Annotated[Id | None, "Only tickets with a larger id, the oldest first."] = None
    max_ticket_id: Annotated[Id | None, "Only tickets with a smaller id."] = None
    min_purchase_date: Annotated[Day | None, "Bought on or after this day."] = None
    max_purchase_date: Annotated[Day | None, "Bought on or before this day."] = None
    min_last_update_date: Annotated[Day | None, "Changed on or after this day."] = None
    max_last_update_date: Annotated[Day | None, "Changed on or before this day."] = None
    email: Annotated[Text | None, "Only tickets of the fan with this email address."] = None
    limit: Annotated[Limit | None, "Page size; 1000 by default."] = None
    data: Annotated[Annotated[str, ChoiceForm("fan")] | None, "Extra data to add; only `fan` is supported."] = None
    include_deleted: Annotated[Flag, "Include deleted tickets; off by default."] = False

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a range that ends before it starts."""
        for range_of in ("purchase_date", "last_update_date"):
            first, last = values.get(f"min_{range_of}"), values.get(f"max_{range_of}")
            if first and last and last < first:
                yield f"max_{range_of}", f"must not be before min_{range_of}"


class OneTicket(Params):
    """The id of a ticket."""

    ticket_id: Annotated[Id, "Ticket to read."]


class NewTicket(Params, kw_only=True):
    """A ticket line to create, with the fan who bought it."""

    first_name: Annotated[Text, "Given name of the fan."]
    last_name: Annotated[Text, "Family name of the fan."]
    email: Annotated[Mail, "Email address of the fan."]
    purchase_timestamp: Annotated[Moment, "Time of purchase, YYYY-MM-DD HH:MI:SS in GMT."]
    paid_amount: Annotated[Money, "Amount paid for the line, numeric."]
    num_seats: Annotated[Seats, "Seats bought; negative on the line of a refund."]
    event_date: Annotated[EventDay, "Day of the event, ISO 8601."]
    event_name: Annotated[Text, "Name of the event."]
    phone: Annotated[Text | None, "Phone number of the fan."] = None
    customer_key: Annotated[OuterKey | None, "Customer id in the other system."] = None
    ticket_key: Annotated[OuterKey | None, "Unique key of the ticket line (one per price code and amount)."] = None
    price_code: Annotated[Text | None, "Price level of the line."] = None
    is_subscribed: Annotated[Flag | None, "Email marketing opt-in."] = None
    is_phone_subscribed: Annotated[Flag | None, "SMS marketing opt-in."] = None
    city: Annotated[Text | None, "City."] = None
    province: Annotated[Text | None, "Province or state."] = None
    postal_code: Annotated[Text | None, "Postal code or ZIP."] = None
    country_code: Annotated[Text | None, "Country, as a two-letter code."] = None
    artist_name: Annotated[Text | None, "Artist."] = None
    venue_name: Annotated[Text | None, "Venue."] = None
    venue_province: Annotated[Text | None, "Province or state of the venue."] = None
    event_key: Annotated[OuterKey | None, "Event id in the ticketing system."] = None
    network: Annotated[NetworkName | None, "Ticketing network."] = None
    order_key: Annotated[OuterKey | None, "Order the line belongs to."] = None
    is_deleted: Annotated[Flag | None, "Marks the ticket as deleted."] = None
    fan_source: Annotated[Text | None, "Where the fan came from; stored when the fan is created."] = None
    currency: Annotated[Currency | None, "Currency of the amount; the account's when left out."] = None

    example: ClassVar[Mapping[str, object]] = {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.com",
        "purchase_timestamp": "2026-05-01T17:30:00Z",
        "paid_amount": 84.5,
        "num_seats": 2,
        "event_date": "2026-07-03",
        "event_name": "Northside FC - Harbour United",
        "event_key": "NFC-17",
        "ticket_key": "order-991-1",
        "network": "boxoffice",
    }

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject a future purchase, and addresses and numbers that are invalid in the account's country."""
        yield from future_faults(context.now, values, "purchase_timestamp")
        yield from read_contact(values, context.account.country_code).faults


class BulkTicket(NewTicket, kw_only=True):
    """A ticket line of a batch: the rules of a single one, with event_key mandatory."""

    event_key: Annotated[OuterKey, "Event id in the ticketing system."]


class NewTickets(Params):
    """A batch of ticket lines: the body is a JSON array, or an object with it as field `tickets`."""

    tickets: Annotated[
        Annotated[list[BulkTicket | WrongLine], lines_of(BulkTicket, BATCH, "tickets")],
        "Up to 100 tickets, each with the fields of a single one; event_key is required.",
    ]

    example: ClassVar[Mapping[str, object]] = {"tickets": [dict(NewTicket.example)]}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an empty batch."""
        if "tickets" in values and not values["tickets"]:
            yield "tickets", "must contain at least one ticket"


class TicketSaved(msgspec.Struct):
    """The result: success, or duplicate when the ticket_key exists."""

    ticket_id: int
    ticket_key: str | None
    fan_id: int
    status: Literal["success", "duplicate"]


class BatchSaved(LineResult):
    """The result for one ticket of a batch, in the order sent; an error names its wrong fields."""

    ticket_id: int | None
    ticket_key: str | None
    fan_id: int | None
    status: Literal["success", "duplicate", "error"]


class TicketChanges(Params):
    """Fields of a ticket to update. An empty price_code or order_key clears it."""

    ticket_id: Annotated[Id, "Ticket to change."]
    purchase_timestamp: Annotated[Moment | None, "Time of purchase, YYYY-MM-DD HH:MI:SS in GMT."] = None
    paid_amount: Annotated[Money | None, "Amount paid for the line."] = None
    num_seats: Annotated[Seats | None, "Seats bought; negative on the line of a refund."] = None
    currency: Annotated[Currency | None, "Currency of the amount."] = None
    price_code: Annotated[Text | None | UnsetType, "Price level of the line."] = UNSET
    order_key: Annotated[OuterKey | None | UnsetType, "Order the line belongs to."] = UNSET
    is_deleted: Annotated[Flag | None, "true marks the ticket as deleted, false restores it."] = None

    example: ClassVar[Mapping[str, object]] = {"num_seats": 3, "paid_amount": 126.75}

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject a future purchase."""
        yield from future_faults(context.now, values, "purchase_timestamp")


class TicketChanged(msgspec.Struct):
    """The ticket that was changed."""

    ticket_id: int
