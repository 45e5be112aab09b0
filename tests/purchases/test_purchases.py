"""Purchases: one line for one key, tied to fans, paged without gaps."""

import asyncio
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg

from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.purchases.actions.purchases import upsert_purchase
from fanfare.purchases.jobs import match_purchases
from fanfare.purchases.schemas import NewPurchase
from tests.api import Api

PATH = "/api/v1/crm/purchases"
WINDOW = {"start_date": "2026-01-01", "end_date": "2027-12-31"}


def line(key: str, network: str = "shop", **extra: Any) -> dict[str, Any]:
    return {
        "purchase_key": key, "network": network, "order_key": "o-1", "merchant_key": "northside",
        "order_timestamp": "2026-05-01 17:30:00", "gross_sale_amount": "50.00", "net_sale_amount": "45.00", **extra,
    }  # fmt: skip


async def saved(api: Api, key: str, **extra: Any) -> int | None:
    answer = await api.ok(await api.post(PATH, **line(key, **extra)))
    assert answer["purchase_key"] == key
    fan_id: int | None = answer["fan_id"]
    return fan_id


async def test_a_line_is_answered_with_every_field(api: Api) -> None:
    fan_id = await saved(api, "full-1", network="full", email="Buyer@Example.com", product_name="Home shirt",
                         country="Canada", province="BC", city="Vancouver", customer_key="c1")  # fmt: skip
    (row,) = (await api.ok(await api.get(PATH, network="full", **WINDOW)))["data"]
    expected = {
        "account_id": api.account_id, "fan_id": fan_id, "order_timestamp": 1777656600,
        "order_timestamp_iso": "2026-05-01T17:30:00Z", "gross_sale_amount": 50, "net_sale_amount": 45,
        "deduction_amount": 5, "currency": "USD", "product_name": "Home shirt", "customer_key": "c1",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert fan_id is not None


async def test_a_refund_changes_the_line(api: Api, db: Db) -> None:
    first = await saved(api, "refund-1", network="refund", email="refund@example.com", product_name="Scarf")
    again = await saved(api, "refund-1", network="refund", net_sale_amount="20.00", deduction_amount="30.00")
    (row,) = (await api.ok(await api.get(PATH, network="refund", **WINDOW)))["data"]
    assert (row["net_sale_amount"], row["deduction_amount"], row["product_name"]) == (20, 30, "Scarf")
    assert first == again == row["fan_id"]
    topics = await db.rows(
        "select topic from changes where account_id = $1 and subject_id = 'refund:refund-1' order by position",
        api.account_id,
    )
    assert [each["topic"] for each in topics] == ["purchase.created", "purchase.updated"]


async def answer_of(db: Db, account_id: int, subject: str) -> list[tuple[str, int | None]]:
    """Return the topics and fans of what the change log says of a line."""
    sql = "select topic, fan_id from changes where account_id = $1 and subject_id = $2 order by position"
    return [tuple(row) for row in await db.rows(sql, account_id, subject)]


async def test_who_loses_a_line_hears_of_it(api: Api, db: Db) -> None:
    first = await saved(api, "moved-1", email="wrong@example.com", customer_key="moved")
    second = await saved(api, "moved-1", email="right@example.com")
    assert first != second
    assert await answer_of(db, api.account_id, "shop:moved-1") == [
        ("purchase.created", first), ("purchase.updated", second), ("purchase.updated", first),
    ]  # fmt: skip
    identified = "select fan_id from changes where account_id = $1 and topic = 'fan.identified' and fan_id = $2"
    assert len(await db.rows(identified, api.account_id, first)) == 1


async def test_a_customer_is_known_later(api: Api, db: Db) -> None:
    assert await saved(api, "later-1", network="till", customer_key="c-9") is None
    assert await saved(api, "later-2", network="till", customer_key="c-8") is None
    fan_id = await saved(api, "later-3", network="till", customer_key="c-9", email="later@example.com")
    assert await saved(api, "later-4", network="till", customer_key="c-9") == fan_id
    second = (await api.ok(await api.post("/api/v1/crm/fans", email="c8@example.com")))["fan_id"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{second}/identifiers", network="TILL", identifier_value="c-8"))
    await match_purchases(db, api.account_id, datetime.now(UTC))
    rows = (await api.ok(await api.get(PATH, network="till", **WINDOW)))["data"]
    fans = {row["purchase_key"]: row["fan_id"] for row in rows}
    assert fans == {"later-1": fan_id, "later-2": second, "later-3": fan_id, "later-4": fan_id}


async def test_filters_narrow(api: Api) -> None:
    await saved(api, "f-1", network="filters", product_name="50% off scarf", merchant_key="a", location_key="gate")
    await saved(api, "f-2", network="filters", product_name="Shirt", merchant_key="b")
    await saved(api, "f-3", network="filters", product_name="Shirt", order_timestamp="2026-06-01 06:59:59")
    for question, keys in (
        ({"product_name": "50% OFF"}, ["f-1"]),
        ({"merchant_key": "b"}, ["f-2"]),
        ({"location_key": "gate"}, ["f-1"]),
        ({"end_date": "2026-05-30"}, ["f-1", "f-2"]),
        ({"start_date": "2026-05-31", "end_date": "2026-05-31"}, ["f-3"]),
        ({"end_date": "2026-05-01 17:30:00"}, []),
    ):
        page = await api.ok(await api.get(PATH, network="filters", **{**WINDOW, **question}))
        assert [row["purchase_key"] for row in page["data"]] == keys, question
        assert page["meta"] == {"page_size": 500, "count": len(keys), "has_more": False}


async def test_pages_follow_each_other_without_gaps(api: Api, db: Db, database_url: str) -> None:
    await db.execute(
        """
        insert into purchases (account_id, network, purchase_key, purchase_id, ordered_at, created_at, updated_at,
                               gross_sale_amount, net_sale_amount, currency, order_key, merchant_key)
        select $1, 'pages', 'p-' || n, nextval('positions'), '2026-05-01', now(), now(), 1, 1, 'USD', 'o', 'm'
        from generate_series(1, 1200) n
        """,
        api.account_id,
    )
    slow = await asyncpg.connect(database_url)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(
        """
        with hold as materialized (select hold_position($1) as held)
        insert into purchases (account_id, network, purchase_key, purchase_id, ordered_at, created_at, updated_at,
                               gross_sale_amount, net_sale_amount, currency, order_key, merchant_key)
        select $1, 'pages', 'slow', nextval('positions'), '2026-05-01', now(), now(), 1, 1, 'USD', 'o', 'm' from hold
        """,
        api.account_id,
    )
    await saved(api, "quick", network="pages")
    observed: list[str] = []
    following: dict[str, str] = {}
    while True:
        page = await api.ok(await api.get(PATH, network="pages", **WINDOW, **following))
        observed += [row["purchase_key"] for row in page["data"]]
        if "next_purchase_key" not in page["meta"]:
            break
        following = {"next_purchase_key": page["meta"]["next_purchase_key"]}
    assert observed == [f"p-{n}" for n in range(1, 1201)]
    await transaction.commit()
    await slow.close()
    page = await api.ok(await api.get(PATH, network="pages", **WINDOW, next_purchase_key=observed[-1]))
    assert [row["purchase_key"] for row in page["data"]] == ["slow", "quick"]


async def test_racing_writers_make_one_line_and_one_fan(api: Api, db: Db) -> None:
    address = f"{uuid.uuid4().hex}@example.com"
    fans = await asyncio.gather(*(saved(api, f"race-{n % 4}", network="race", email=address) for n in range(24)))
    assert len(set(fans)) == 1
    count = "select count(*) from purchases where account_id = $1 and network = 'race'"
    assert await db.value(count, api.account_id) == 4


async def test_two_writes_in_one_moment_are_two_changes(api: Api, db: Db) -> None:
    now = datetime(2027, 6, 1, tzinfo=UTC)
    new = NewPurchase(
        purchase_key="moment",
        network="shop",
        order_key="o-1",
        merchant_key="northside",
        order_timestamp=now,
        gross_sale_amount=Decimal(50),
        net_sale_amount=Decimal(50),
    )
    account = await account_by_id(db, api.account_id)
    assert account is not None
    for _ in range(2):
        await upsert_purchase(db, account, new, now)
    topics = await db.rows(
        "select topic from changes where account_id = $1 and subject_id = 'shop:moment' order by position",
        api.account_id,
    )
    assert [row["topic"] for row in topics] == ["purchase.created", "purchase.updated"]


async def test_wrong_fields_are_named(api: Api) -> None:
    answer = await api.post(PATH, **line("bad", order_timestamp="soon", gross_sale_amount="much", city="X"))
    assert [error["field"] for error in answer.json()["errors"]] == ["order_timestamp", "gross_sale_amount", "city"]
    answer = await api.post(PATH, **line("bad", email="x", phone="1", country="Atlantis"))
    assert {error["field"] for error in answer.json()["errors"]} >= {"email", "country"}
    backwards = await api.get(PATH, network="x", start_date="2026-02-01", end_date="2026-01-01")
    assert backwards.json()["errors"][0]["field"] == "end_date"


async def test_other_accounts_see_nothing(api: Api, other_api: Api) -> None:
    await saved(api, "ours", network="ours")
    assert (await other_api.ok(await other_api.get(PATH, network="ours", **WINDOW)))["data"] == []
    answer = await other_api.get(PATH, network="ours", **WINDOW, next_purchase_key="ours")
    unknown = await other_api.get(PATH, network="ours", **WINDOW, next_purchase_key="nothing")
    assert (answer.status_code, answer.json()["detail"]) == (unknown.status_code, unknown.json()["detail"])


async def test_amounts_stay_when_a_fan_goes(api: Api, db: Db) -> None:
    fan_id = await saved(api, "gone-1", network="gone", email="gone@example.com", customer_key="g1")
    await api.ok(await api.delete(f"/api/v1/crm/fans/{fan_id}"))
    row = await db.row(
        "select fan_id, email, customer_key, net_sale_amount from purchases where account_id = $1 and network = 'gone'",
        api.account_id,
    )
    assert row is not None
    assert (row["fan_id"], row["email"], row["customer_key"], row["net_sale_amount"]) == (None, None, None, 45)


async def test_products_are_found(api: Api) -> None:
    for network, key, name in (("Shopify", "1", "Home shirt"), ("shopify", "2", "Mug"), ("till", "1", "Shirt, away")):
        await api.ok(await api.post("/api/v1/manage/products", network=network, product_key=key, product_name=name))
    await api.ok(
        await api.post("/api/v1/manage/products", network="shopify", product_key="2", product_name="Mug", price="9.5")
    )
    result = await api.ok(await api.get("/api/v1/shopify/products", query="SHIRT"))
    assert [row["product_key"] for row in result] == ["1"]
    everywhere = await api.ok(await api.get("/api/v1/manage/products", query="shirt"))
    assert [row["product_name"] for row in everywhere] == ["Home shirt", "Shirt, away"]
    assert [row["price"] for row in await api.ok(await api.get("/api/v1/shopify/products", query="mug"))] == [9.5]


async def test_a_line_is_stored_and_answered_in_normal_forms(api: Api) -> None:
    person = {
        "email": " Form@EXAMPLE.com",
        "phone": "(604) 555-0133",
        "country": "Canada",
        "province": "British Columbia",
    }
    await saved(api, "form-1", network="form", currency="cad", city=" Van  couver ", **person)
    await saved(api, "form-2", network="form", country="deutschland", province="bayern")
    rows = {row["purchase_key"]: row for row in (await api.ok(await api.get(PATH, network="form", **WINDOW)))["data"]}
    names = ("email", "phone", "country_code", "province", "city", "currency")
    assert [rows["form-1"][name] for name in names] == [
        "Form@example.com", "+16045550133", "CA", "BC", "Van couver", "CAD",
    ]  # fmt: skip
    assert [rows["form-2"][name] for name in names] == [None, None, "DE", "Bayern", None, "USD"]
    wrong = await api.post(PATH, **line("form-3", network="form", country="Atlantis"))
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "country")


async def test_a_line_that_becomes_another_fans_keeps_nothing_of_the_first(api: Api) -> None:
    await saved(api, "swap-1", network="swap", email="first@example.com", customer_key="c", country="CA", city="Hope")
    second = await saved(api, "swap-1", network="swap", phone="+16045550134")
    (row,) = (await api.ok(await api.get(PATH, network="swap", **WINDOW)))["data"]
    assert (row["fan_id"], row["phone"]) == (second, "+16045550134")
    assert [row[name] for name in ("email", "customer_key", "country_code", "city")] == [None] * 4
