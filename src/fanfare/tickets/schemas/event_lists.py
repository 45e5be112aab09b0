"""Schemas of the list of events and of the figures of each."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, IntegerForm, LimitForm, ListForm, Text, Uuid, UuidForm

PERIODS = ("coming", "past", "all")
ORDERS = ("date", "name", "venue", "seats", "revenue")
MAX_OFFSET = 100_000
MAX_CURVES = 5
MAX_DAYS_BEFORE = 730


class EventQuery(Params):
    """Filters and order of events."""

    text: Annotated[Text | None, "Part of the name, venue, artist or key; case and accents are ignored."] = None
    period: Annotated[
        Annotated[str, ChoiceForm(*PERIODS)],
        "coming (today and later, the nearest first), past (the last first) or all (the last first).",
    ] = "coming"
    business_id: Annotated[Id | None, "Only events with a performance of this business on their day."] = None
    order_by: Annotated[
        Annotated[str, ChoiceForm(*ORDERS)] | None, "date (default), name, venue, seats or revenue, the largest first."
    ] = None
    has_figures: Annotated[Flag, "Add what was sold of each event; without, the answer is faster."] = False
    limit: Annotated[Annotated[int, LimitForm(200)], "Page size; 50 by default."] = 50
    after: Annotated[Annotated[int, IntegerForm(0, MAX_OFFSET)], "Events to skip: the meta.next_after before."] = 0


class TicketEventMeta(Meta):
    """Where the next page begins."""

    next_after: int


class EventFigures(msgspec.Struct):
    """What was sold of an event: lines, seats, and revenue by currency."""

    ticket_count: int
    seats_count: int
    revenue_by_currency: dict[str, Decimal]


class EventEntry(msgspec.Struct):
    """An event in a list; `figures` is null unless they were asked for."""

    event_uid: uuid.UUID
    event_key: str | None
    event_name: str
    event_date: date
    venue_name: str | None
    artist_name: str | None
    event_type: str | None
    network: str | None
    figures: EventFigures | None = None


class OneEvent(Params):
    """The uid of an event."""

    event_uid: Annotated[Uuid, "Event."]


class PriceFigures(EventFigures):
    """What was sold of one price code; null for lines without one."""

    price_code: str | None


class EventSales(EventEntry, kw_only=True):
    """An event with what was sold of it, by price code too, the most seats first."""

    notes: str | None
    label_name: str | None
    venue_province: str | None
    fan_count: int
    last_purchase_timestamp: int | None
    prices: list[PriceFigures]


class CurveQuery(OneEvent):
    """An event and those that it is compared with."""

    with_event_uids: Annotated[
        Annotated[list[uuid.UUID], ListForm(UuidForm(), MAX_CURVES)] | None,
        "Events to compare with; the last three of the same kind at the same venue when left out.",
    ] = None
    days_before: Annotated[
        Annotated[int, IntegerForm(1, MAX_DAYS_BEFORE)] | None, "How many days before the event; all by default."
    ] = None

    example: ClassVar[dict[str, Any]] = {}


class Curve(msgspec.Struct):
    """Seats sold by day before an event.

    `seats[n]` is what was sold until the end of the day that lies `days_before - n` days before the event, refunds
    subtracted; the last is the day of the event, or today. What was sold earlier counts in the first.
    """

    event_uid: uuid.UUID
    event_name: str
    event_date: date
    days_before: int
    seats: list[int]
