"""Tickets for the tests: as an integrator sends them."""

import uuid
from typing import Any

from tests.api import Api

TICKETS = "/api/v1/crm/tickets"
BULK = f"{TICKETS}/bulk"
EVENTS = f"{TICKETS}/events"
Row = dict[str, Any]


def line(key: str | None = None, **more: Any) -> Row:
    """Return a ticket of a fan of its own, for one event."""
    given = {
        "first_name": "Ada", "last_name": "Berg", "email": f"{uuid.uuid4().hex}@example.com",
        "purchase_timestamp": "2026-05-01 17:30:00", "paid_amount": "84.50", "num_seats": 2,
        "event_date": "2026-07-03", "event_name": "Northside - Harbour", "event_key": "N-17", "network": "boxoffice",
        "ticket_key": key,
    }  # fmt: skip
    return {name: value for name, value in {**given, **more}.items() if value is not None}


async def sold(api: Api, key: str | None = None, **more: Any) -> Row:
    made: Row = await api.ok(await api.post(TICKETS, **line(key, **more)))
    return made


async def bulk(api: Api, *rows: Any) -> list[Row]:
    answer = await api.client.post(BULK, json=list(rows), headers=api.keys)
    made: list[Row] = await api.ok(answer)
    return made


async def ticket(api: Api, ticket_id: int) -> Row:
    found: Row = await api.ok(await api.get(f"{TICKETS}/{ticket_id}"))
    return found


async def pulled(api: Api, **window: Any) -> list[Row]:
    """Return all tickets behind a bound, page by page."""
    window = {"min_ticket_id": 0, **window}
    found: list[Row] = []
    while True:
        page = await api.ok(await api.get(TICKETS, **window))
        if not page["data"]:
            return found
        found += page["data"]
        window["min_ticket_id"] = page["meta"]["max_ticket_id"]
