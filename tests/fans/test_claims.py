"""Who may be identified by what: no door lets a key of a shop or gate stand for a mail address or number."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.kernel.db import Db
from fanfare.purchases.jobs import match_purchases
from tests.api import Api

FANS = "/api/v1/crm/fans"
EVENT = {"event_name": "Final", "event_date": "2026-06-20", "event_key": "F"}
Door = Callable[[Api, str, str, str | None], Awaitable[Any]]


def mail() -> str:
    return f"{uuid.uuid4().hex}@example.com"


async def buys(api: Api, network: str, key: str, email: str | None) -> Any:
    keys = {name: uuid.uuid4().hex for name in ("purchase_key", "order_key", "merchant_key")}
    amounts = {"gross_sale_amount": 5, "net_sale_amount": 4, "order_timestamp": "2026-05-01 17:30:00"}
    more = {"email": email} if email else {}
    return await api.post("/api/v1/crm/purchases", network=network, customer_key=key, **keys, **amounts, **more)


async def gets_tickets(api: Api, network: str, key: str, email: str | None) -> Any:
    ticket = {"paid_amount": 5, "num_seats": 1, "purchase_timestamp": "2026-05-01 17:30:00"}
    who = {"first_name": "A", "last_name": "B", "email": email or mail(), "customer_key": key}
    return await api.post("/api/v1/crm/tickets", network=network, **ticket, **EVENT, **who)


async def gets_a_batch(api: Api, network: str, key: str, email: str | None) -> Any:
    ticket = {"paid_amount": 5, "num_seats": 1, "purchase_timestamp": "2026-05-01 17:30:00", **EVENT}
    who = {"first_name": "A", "last_name": "B", "email": email or mail(), "customer_key": key, "network": network}
    return await api.post("/api/v1/crm/tickets/bulk", tickets=[{**ticket, **who}])


async def is_named(api: Api, network: str, key: str, email: str | None) -> Any:
    made = await api.ok(await api.post(FANS, email=email or mail()))
    path = f"/api/v1/manage/fans/{made['fan_id']}/identifiers"
    return await api.post(path, network=network, identifier_value=key)


async def follows(api: Api, network: str, key: str, _: str | None) -> Any:
    item = {"user_key": key, "network": network, "idol_name": "Northside"}
    return await api.post("/api/v1/crm/idol_fans", idol_fans=[item])


DOORS = (buys, gets_tickets, gets_a_batch, is_named, follows)


async def known_by(db: Db, api: Api, value: str) -> set[int]:
    rows = await db.rows(
        "select fan_id from fan_identifiers where account_id = $1 and identifier_value = $2", api.account_id, value
    )
    return {row["fan_id"] for row in rows}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("network", ["email", "Phone", " EMAIL "])
async def test_no_door_claims_or_finds_a_mail_address_or_number_as_a_key(
    api: Api, db: Db, door: Door, network: str
) -> None:
    stranger = mail()
    for email in (mail(), None):
        answer = await door(api, network, stranger, email)
        assert answer.status_code in (200, 422), answer.text
    assert await known_by(db, api, stranger) == set()
    owner = (await api.ok(await api.post(FANS, email=stranger)))["fan_id"]
    answer = await door(api, network, stranger, None)
    assert f'"fan_id":{owner},' not in answer.text.replace("}", ",")
    await match_purchases(db, api.account_id, datetime.now(UTC))
    tied = "select count(*) from purchases where account_id = $1 and fan_id = $2"
    assert await db.value(tied, api.account_id, owner) == 0
    assert await known_by(db, api, stranger) == {owner}
