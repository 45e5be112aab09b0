"""Random tickets, and random criteria on tickets, for the tests of the audience index."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.tickets.sold import Row, line

EVENTS = ("Opening", "Derby", "Festival", "Final")
VENUES, ARTISTS, PROVINCES = ("Harbour", "The Forge"), ("Northside", "Southside"), ("BC", "Washington")
CODES = (None, "A", "b", "C")


def any_ticket(chance: random.Random, email: str, moment: datetime) -> Row:
    """Return the fields of a ticket, with or without an order, seats, a price level and an amount."""
    event, seats = chance.choice(EVENTS), chance.choice((0, 1, 2, 3, 300, 70_000))
    return line(
        f"line {chance.getrandbits(64)}", email=email, purchase_timestamp=moment.isoformat(), num_seats=seats,
        paid_amount=str(chance.choice((0, 10, 33.3333, 80_000)) * seats),
        order_key=chance.choice((None, "1", "2", "3")), price_code=chance.choice(CODES),
        is_deleted=chance.random() < 0.15, event_name=event, event_key=event,
        event_date=str(event_day(event)), venue_name=VENUES[len(event) % 2], artist_name=ARTISTS[len(event) // 2 % 2],
        venue_province=PROVINCES[len(event) % 2],
    )  # fmt: skip


def event_day(event: str) -> date:
    return date.today() + timedelta(days=len(event) * 30 - 200)  # noqa: DTZ011 - any day will do


def any_ticket_criteria(chance: random.Random) -> dict[str, Any]:
    """Return one to three criteria, sometimes negated."""
    day = (datetime.now(UTC) - timedelta(days=chance.randrange(420))).date()
    event = chance.choice(EVENTS)
    offered: dict[str, Any] = {
        "ticket_event_name": chance.choice((event.upper(), "Renamed", "nothing")),
        "ticket_venue_name": chance.choice(VENUES).lower(), "ticket_artist_name": chance.choice(ARTISTS),
        "ticket_venue_provinces": ["bc", "WA"][chance.randrange(2) :],
        "ticket_price_code": chance.choice("aBcd"), "ticket_purchased_days": chance.randrange(420),
        "ticket_start_purchase_date": day, "ticket_end_purchase_date": day + timedelta(days=chance.randrange(100)),
        "ticket_start_event_date": event_day(event), "ticket_end_event_date": event_day(event),
        "ticket_seat_price_min": chance.choice(("-5", "0", "10", "33.3333", "33.3334", "80000")),
        "ticket_seat_price_max": chance.choice(("0", "10", "33.3333", "33.3332", "900000")),
        "ticket_seat_count_min": chance.choice((0, 1, 3, 300)), "ticket_seat_count_max": chance.choice((0, 2, 500)),
        "ticket_sales_count_min": chance.randrange(4), "ticket_sales_count_max": chance.randrange(4),
    }  # fmt: skip
    values = {name: offered[name] for name in chance.sample(sorted(offered), chance.choice((1, 1, 2, 3)))}
    return {**values, "ticket_is_negative": chance.random() < 0.3}
