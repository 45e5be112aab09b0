"""The calls by which a fan arrives with contact data, each as an integrator makes it; each returns the fan_id."""

import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from tests.api import Api

Door = Callable[..., Coroutine[Any, Any, int]]
MOMENT = "2026-05-01 17:30:00"
NAMES = {"first_name": "Ada", "last_name": "Berg"}


async def _fan_of(api: Api, path: str, values: dict[str, Any]) -> int:
    answer = await api.ok(await api.post(f"/api/v1/crm/{path}", **values))
    return int((answer[0] if isinstance(answer, list) else answer)["fan_id"])


async def by_activity(api: Api, **contact: Any) -> int:
    """Report an activity."""
    return await _fan_of(api, "activities", {"campaign_title": "Doors", **contact})


async def by_purchase(api: Api, **contact: Any) -> int:
    """Report a line of a purchase."""
    keys = {name: uuid.uuid4().hex for name in ("purchase_key", "order_key", "merchant_key")}
    amounts = {"gross_sale_amount": 5, "net_sale_amount": 4, "order_timestamp": MOMENT}
    return await _fan_of(api, "purchases", {"network": "shop", **keys, **amounts, **contact})


async def by_registration(api: Api, **contact: Any) -> int:
    """Register for an event."""
    event = {"event_name": "Derby", "event_date": "2026-07-03", "registration_timestamp": MOMENT}
    values = {"network": "gate", "registration_key": uuid.uuid4().hex, **event, **NAMES, **contact}
    return await _fan_of(api, "registrations", values)


async def by_ticket(api: Api, **contact: Any) -> int:
    """Sell a ticket."""
    event = {"event_name": "Derby", "event_date": "2026-07-03", "event_key": "D-1", "purchase_timestamp": MOMENT}
    values = {"network": "boxoffice", "ticket_key": uuid.uuid4().hex, "paid_amount": 5, "num_seats": 1}
    return await _fan_of(api, "tickets", {**values, **event, **NAMES, **contact})


DOORS: dict[str, Door] = {
    "activities": by_activity, "purchases": by_purchase, "registrations": by_registration, "tickets": by_ticket,
}  # fmt: skip
