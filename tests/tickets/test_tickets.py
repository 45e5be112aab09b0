"""Tickets: made once, one by one or by the hundred, with the fans who bought them."""

import asyncio
import json
import uuid
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.tickets.sold import BULK, EVENTS, TICKETS, bulk, line, sold, ticket


async def topics(db: Db, account_id: int, subject: object) -> list[str]:
    rows = await db.rows(
        "select topic from changes where account_id = $1 and subject_id = $2 and topic like 'ticket%'"
        " order by position",
        account_id,
        str(subject),
    )
    return [row["topic"] for row in rows]


async def test_a_ticket_is_answered_with_every_field(api: Api) -> None:
    new = await sold(
        api, "full-1", email="Full@Example.com", country_code="CA", province="British Columbia", city="Vancouver",
        postal_code="v6b1a1", price_code="A", order_key="o-1", customer_key="c-1", venue_name="Harbour Park",
        artist_name="Northside FC", paid_amount="84.505", currency="usd",
    )  # fmt: skip
    row = await ticket(api, new["ticket_id"])
    expected = {
        "ticket_id": new["ticket_id"], "ticket_key": "full-1", "account_id": api.account_id, "fan_id": new["fan_id"],
        "email": "Full@example.com", "network": "boxoffice", "event_uid": row["event_uid"], "event_key": "N-17",
        "event_date": "2026-07-03", "event_name": "Northside - Harbour", "purchase_timestamp": "2026-05-01T17:30:00Z",
        "paid_amount": 84.505, "currency": "USD", "num_seats": 2, "artist_name": "Northside FC", "price_code": "A",
        "venue_name": "Harbour Park", "city": "Vancouver", "province": "BC", "country_code": "CA", "metro_area": None,
        "postal_code": "V6B 1A1", "customer_key": "c-1", "order_key": "o-1", "is_deleted": False,
        "last_updated_timestamp": row["last_updated_timestamp"], "fan": None,
    }  # fmt: skip
    assert row == expected
    assert new["status"] == "success"


async def test_a_key_sent_again_is_a_duplicate_that_writes_nothing(api: Api, db: Db) -> None:
    first = await sold(api, "again-1", email="again@example.com", is_subscribed=True)
    fan = f"/api/v1/crm/fans/{first['fan_id']}"
    await api.ok(await api.post(fan, is_subscribed=False))
    count = "select count(*) from changes where account_id = $1"
    old = await db.value(count, api.account_id)
    # As a nightly run sends it again, also under another address.
    for email in ("again@example.com", "someone.else@example.com"):
        again = await sold(api, "again-1", email=email, is_subscribed=True, num_seats=9, paid_amount="1")
        assert again == {**first, "status": "duplicate"}
    assert await db.value(count, api.account_id) == old
    assert (await api.ok(await api.get(fan)))["is_subscribed"] is False
    assert (await ticket(api, first["ticket_id"]))["num_seats"] == 2


async def test_a_key_means_a_ticket_in_its_network(api: Api) -> None:
    new = [await sold(api, "k-1", network=network) for network in ("a", "b", "")]
    assert len({each["ticket_id"] for each in new}) == 3
    assert (await sold(api, "k-1", network="b"))["status"] == "duplicate"


async def test_tickets_without_a_key_are_each_their_own(api: Api) -> None:
    new = [await sold(api, email="keyless@example.com") for _ in range(2)]
    assert len({each["ticket_id"] for each in new}) == 2
    assert len({each["fan_id"] for each in new}) == 1
    assert [each["status"] for each in new] == ["success"] * 2


async def test_is_deleted_marks_a_known_ticket(api: Api, db: Db) -> None:
    new = await sold(api, "cancelled-1")
    for flag in (True, True, False):
        again = await sold(api, "cancelled-1", is_deleted=flag)
        assert again["status"] == "duplicate"
        assert (await ticket(api, new["ticket_id"]))["is_deleted"] is flag
    assert await topics(db, api.account_id, new["ticket_id"]) == ["ticket.created", "ticket.deleted", "ticket.updated"]
    born_deleted = await sold(api, "cancelled-2", is_deleted=True)
    assert (await ticket(api, born_deleted["ticket_id"]))["is_deleted"] is True


async def test_a_batch_tells_of_each_row_in_its_place(api: Api, db: Db) -> None:
    existing = await sold(api, "batch-known")
    rows: list[Any] = [
        line("batch-1", email="one@example.com"),
        line("batch-2", email="nobody", num_seats="many", event_key=None),
        line("batch-known"),
        line("batch-1", email="two@example.com"),
        "no ticket at all",
        line("batch-3", email="ONE@example.com", phone="+16045550123"),
        json.dumps(line("batch-4", email="three@example.com", phone="+16045550123")),
        line("batch-5", email="four@example.com", country_code="Atlantis"),
    ]
    new = await bulk(api, *rows)
    assert [each["status"] for each in new] == [
        "success", "error", "duplicate", "duplicate", "error", "success", "success", "error",
    ]  # fmt: skip
    assert [each["ticket_key"] for each in new] == [
        "batch-1", "batch-2", "batch-known", "batch-1", None, "batch-3", "batch-4", "batch-5",
    ]  # fmt: skip
    assert [sorted(fault["field"] for fault in each["errors"]) for each in new if each["errors"]] == [
        ["email", "event_key", "num_seats"], ["tickets"], ["country_code"],
    ]  # fmt: skip
    assert new[2]["ticket_id"] == existing["ticket_id"]
    assert (new[3]["ticket_id"], new[3]["fan_id"]) == (new[0]["ticket_id"], new[0]["fan_id"])
    # One address is one fan; a number that two name belongs to the first.
    assert new[5]["fan_id"] == new[0]["fan_id"] != new[6]["fan_id"]
    count = "select count(*) from tickets where account_id = $1 and ticket_key like 'batch-%'"
    assert await db.value(count, api.account_id) == 4


async def test_one_batch_may_say_yes_and_no(api: Api, db: Db) -> None:
    rows = [line(f"words-{n}", email="words@example.com", is_subscribed=flag) for n, flag in enumerate((True, False))]
    new = await bulk(api, *rows, line("words-0", is_deleted=True))
    assert [each["status"] for each in new] == ["success", "success", "duplicate"]
    words = await db.rows(
        "select is_granted from consents where account_id = $1 and fan_id = $2 order by consent_id",
        api.account_id,
        new[0]["fan_id"],
    )
    assert [row["is_granted"] for row in words] == [True, False]
    assert (await ticket(api, new[0]["ticket_id"]))["is_deleted"] is True


async def test_a_batch_comes_as_array_or_field(api: Api) -> None:
    rows = [line(f"form-{n}") for n in range(2)]
    new = await api.ok(await api.post(BULK, tickets=rows))
    assert [each["status"] for each in new] == ["success", "success"]
    form = {"tickets": json.dumps(rows)}
    new = await api.ok(await api.client.post(BULK, data=form, headers=api.keys))
    assert [each["status"] for each in new] == ["duplicate", "duplicate"]
    too_many = await api.client.post(BULK, json=[line() for _ in range(101)], headers=api.keys)
    assert [error["field"] for error in too_many.json()["errors"]] == ["tickets"]
    nothing = await api.client.post(BULK, json=[], headers=api.keys)
    assert [error["field"] for error in nothing.json()["errors"]] == ["tickets"]


async def test_parallel_retries_make_each_ticket_fan_and_event_once(api: Api, db: Db) -> None:
    mark = uuid.uuid4().hex[:8]
    rows = [
        line(f"{mark}-{n}", email=f"{mark}{n % 7}@example.com", event_key=f"{mark}-{n % 3}", event_name=f"{mark} {n}")
        for n in range(40)
    ]
    ones = asyncio.gather(*(bulk(api, row) for row in rows[:8]))
    batches = await asyncio.gather(*(bulk(api, *rows[shift:], *rows[:shift]) for shift in range(0, 40, 5)))
    flat = [each for answer in [*batches, *await ones] for each in answer]
    assert {each["status"] for each in flat} == {"success", "duplicate"}
    assert sorted(each["ticket_key"] for each in flat if each["status"] == "success") == sorted(
        row["ticket_key"] for row in rows
    )
    ids = {(each["ticket_key"], each["ticket_id"], each["fan_id"]) for each in flat}
    assert len(ids) == 40
    for table, column, expected in (("tickets", "ticket_key", 40), ("ticket_events", "event_key", 3)):
        sql = f"select count(*) from {table} where account_id = $1 and {column} like $2"
        assert await db.value(sql, api.account_id, f"{mark}-%") == expected
    fans = "select count(*) from fans where account_id = $1 and email like $2"
    assert await db.value(fans, api.account_id, f"{mark}%") == 7


async def test_a_customer_key_leads_to_the_fan(api: Api, db: Db) -> None:
    new = await sold(api, "cust-1", network="Tills", customer_key="c-77", email="cust-1@example.com")
    await sold(api, "cust-2", network="Tills", customer_key="c-77", email="cust-1@example.com")
    await sold(api, "cust-3", network="email", customer_key="stolen@example.com")
    purchase = {"purchase_key": "p", "network": "tills", "order_key": "o", "merchant_key": "m",
                "order_timestamp": "2026-05-01", "gross_sale_amount": 1, "net_sale_amount": 1}  # fmt: skip
    matched = await api.ok(await api.post("/api/v1/crm/purchases", **purchase, customer_key="c-77"))
    assert matched["fan_id"] == new["fan_id"]
    stolen = "select count(*) from fan_identifiers where account_id = $1 and identifier_value = 'stolen@example.com'"
    assert await db.value(stolen, api.account_id) == 0


async def test_wrong_fields_are_named(api: Api) -> None:
    answer = await api.post(
        TICKETS, first_name="A", paid_amount="much", num_seats="two", event_date="soon", currency="$"
    )
    fields = [error["field"] for error in answer.json()["errors"]]
    assert fields == [
        "last_name", "email", "purchase_timestamp", "paid_amount", "num_seats", "event_date", "event_name", "currency",
    ]  # fmt: skip


@pytest.mark.parametrize("change", [
    {"num_seats": 3}, {"paid_amount": "126.75"}, {"price_code": "B"}, {"order_key": ""}, {"is_deleted": True},
    {"currency": "EUR"}, {"purchase_timestamp": "2026-05-02T00:00:00Z"},
])  # fmt: skip
async def test_a_ticket_is_changed(api: Api, db: Db, change: dict[str, Any]) -> None:
    new = await sold(api, order_key="o-9", price_code="A")
    old = await ticket(api, new["ticket_id"])
    path = f"/api/v1/manage/tickets/{new['ticket_id']}"
    for _ in range(2):
        assert await api.ok(await api.post(path, **change)) == {"ticket_id": new["ticket_id"]}
    current = await ticket(api, new["ticket_id"])
    ((name, value),) = change.items()
    expected = {"": None, "126.75": 126.75}.get(str(value), value)
    assert {key for key in current if current[key] != old[key]} - {"last_updated_timestamp"} == {name}
    assert current[name] == expected
    # What says nothing new is no change.
    result = ["ticket.created", "ticket.deleted" if name == "is_deleted" else "ticket.updated"]
    assert await topics(db, api.account_id, new["ticket_id"]) == result


async def test_a_ticket_is_deleted(api: Api, other_api: Api) -> None:
    new = await sold(api)
    path = f"/api/v1/manage/tickets/{new['ticket_id']}"
    for stranger in (await other_api.delete(path), await other_api.get(f"{TICKETS}/{new['ticket_id']}")):
        assert stranger.status_code == 404
    await api.ok(await api.delete(path))
    assert (await ticket(api, new["ticket_id"]))["is_deleted"] is True


async def test_amounts_stay_when_a_fan_goes_and_a_line_stays_known(api: Api) -> None:
    new = await sold(api, "gone-1", email="gone@example.com", customer_key="g-1", city="Bern", country_code="CH")
    await api.ok(await api.delete(f"/api/v1/crm/fans/{new['fan_id']}"))
    row = await ticket(api, new["ticket_id"])
    assert [row[name] for name in ("email", "city", "customer_key", "paid_amount")] == [None, None, None, 84.5]
    again = await sold(api, "gone-1", email="gone@example.com")
    assert again["status"] == "duplicate"
    fans = await api.ok(await api.get("/api/v1/crm/fans", name="gone@example.com"))
    assert fans["data"] == []


async def test_what_an_event_lacks_is_filled_and_never_overwritten(api: Api) -> None:
    event = {"event_key": "fill-1", "event_name": "Filled"}
    for extra in ({}, {"venue_name": "The Forge"}, {"venue_name": "Elsewhere", "venue_province": "Ontario"}):
        await sold(api, **event, **extra, event_date="2026-08-01" if extra else "2026-07-03")
    (row,) = (await api.ok(await api.get(EVENTS, event_key="fill-1")))["data"]
    assert (row["event_date"], row["venue_name"], row["venue_province"]) == ("2026-07-03", "The Forge", "ON")


async def test_a_ticket_sent_again_with_another_person_stays_the_first_ones(api: Api, db: Db) -> None:
    first = await sold(api, "again-1", email="first.buyer@example.com")
    count = "select count(*) from fans where account_id = $1"
    fans = await db.value(count, api.account_id)
    someone_else = {"email": "second.buyer@example.com", "first_name": "Bo"}
    assert await sold(api, "again-1", **someone_else) == {**first, "status": "duplicate"}
    new = await bulk(api, line("again-1", **someone_else), line("again-2"), line("again-2", **someone_else))
    assert [each["fan_id"] for each in new] == [first["fan_id"], new[1]["fan_id"], new[1]["fan_id"]]
    # Nobody was made of those who were named later, and after a merge it is the fan that the first became.
    assert await db.value(count, api.account_id) == fans + 1
    second = new[1]["fan_id"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{second}/merge", merged_fan_id=first["fan_id"]))
    assert (await sold(api, "again-1", **someone_else))["fan_id"] == second
