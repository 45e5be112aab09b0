"""Tickets for the tests: as an integrator sends them."""

import uuid
from typing import Any

from tests.api import Api

TICKETS = "/api/v1/crm/tickets"
BULK = f"{TICKETS}/bulk"
EVENTS = f"{TICKETS}/events"
Row = dict[str, Any]


def line(key: str | None = None, **extra: Any) -> Row:
    """Return a ticket of a fan of its own, for one event."""
    values = {
        "first_name": "Ada", "last_name": "Berg", "email": f"{uuid.uuid4().hex}@example.com",
        "purchase_timestamp": "2026-05-01 17:30:00", "paid_amount": "84.50", "num_seats": 2,
        "event_date": "2026-07-03", "event_name": "Northside - Harbour", "event_key": "N-17", "network": "boxoffice",
        "ticket_key": key,
    }  # fmt: skip
    return {name: value for name, value in {**values, **extra}.items() if value is not None}


async def sold(api: Api, key: str | None = None, **extra: Any) -> Row:
    created: Row = await api.ok(await api.post(TICKETS, **line(key, **extra)))
    return created


async def bulk(api: Api, *rows: Any) -> list[Row]:
    answer = await api.client.post(BULK, json=list(rows), headers=api.keys)
    created: list[Row] = await api.ok(answer)
    return created


async def ticket(api: Api, ticket_id: int) -> Row:
    result: Row = await api.ok(await api.get(f"{TICKETS}/{ticket_id}"))
    return result


async def pulled(api: Api, **window: Any) -> list[Row]:
    """Return all tickets behind a bound, page by page."""
    window = {"min_ticket_id": 0, **window}
    results: list[Row] = []
    while True:
        page = await api.ok(await api.get(TICKETS, **window))
        if not page["data"]:
            return results
        results += page["data"]
        window["min_ticket_id"] = page["meta"]["max_ticket_id"]
