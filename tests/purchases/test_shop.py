"""The lookup of products in a Shopify shop: its cursors, its points, its refusals, and a token that leaks nowhere."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.purchases import gateways
from tests.api import Api
from tests.purchases.shop import TOKEN, Shop, shop

MANAGE, PRODUCTS = "/api/v1/manage/shopify_shop", "/api/v1/shopify/products"
COST = {
    "extensions": {
        "cost": {"requestedQueryCost": 2, "throttleStatus": {"currentlyAvailable": 1, "restoreRate": 1000}},
    }
}
THROTTLED = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}


@pytest.fixture
def store() -> Iterator[Shop]:
    with shop() as running:
        running.titles = [*(f"Home shirt {number:03}" for number in range(120)), "Mug"]
        yield running


async def connected(api: Api, store: Shop) -> Any:
    result = await api.ok(await api.post(MANAGE, shop_url=store.url, access_token=TOKEN))
    store.queries.clear()
    return result


def reply(status: int, body: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()


async def test_a_shop_is_connected_replaced_and_disconnected(api: Api, store: Shop, db: Db) -> None:
    assert (await api.get(MANAGE)).json()["code"] == "no_shop"
    assert await connected(api, store) == {"shop_url": store.url, "shop_name": "Harbour City Shop"}
    await connected(api, store)
    row = await api.ok(await api.get(MANAGE))
    assert (row["shop_url"], row["shop_name"], "access_token" in row) == (store.url, "Harbour City Shop", False)
    rows = await db.rows("select s::text as line from shopify_shops s where account_id = $1", api.account_id)
    assert len(rows) == 1
    assert TOKEN not in rows[0]["line"]
    await api.ok(await api.delete(MANAGE))
    assert (await api.get(MANAGE)).json()["code"] == "no_shop"
    assert (await api.delete(MANAGE)).json()["code"] == "no_shop"
    topics = await db.rows("select topic from changes where account_id = $1 order by position", api.account_id)
    assert [row["topic"] for row in topics][-3:] == [
        "shopify_shop.updated", "shopify_shop.updated", "shopify_shop.deleted",
    ]  # fmt: skip


async def test_products_are_looked_up_page_by_page(api: Api, store: Shop) -> None:
    await connected(api, store)
    answer = await api.get(PRODUCTS, query="SHIR home", limit=70)
    rows = await api.ok(answer)
    assert [row["product_name"] for row in rows] == store.titles[:70]
    assert [(each["first"], each["query"]) for each in store.queries] == [(50, "shir* home*"), (20, "shir* home*")]
    assert rows[0] == {
        "account_id": api.account_id, "network": "shopify", "product_key": "8000", "product_name": "Home shirt 000",
        "product_category": None, "product_url": "https://shop.example.com/products/0",
        "image_url": "https://cdn.example.com/1.jpg", "price": 49.9, "currency": "CAD", "is_active": True,
        "creation_timestamp": 1777629600, "last_update_timestamp": 1777716000,
    }  # fmt: skip
    assert (rows[1]["is_active"], rows[1]["product_url"], rows[1]["product_category"]) == (False, None, "Shirts")
    answer = await api.get(PRODUCTS, query="SHIR home", limit=70, cursor=answer.headers["X-Next-Cursor"])
    assert [row["product_name"] for row in await api.ok(answer)] == store.titles[70:120]
    assert "X-Next-Cursor" not in answer.headers
    assert await api.ok(await api.get(PRODUCTS, query="nothing")) == []
    assert len(await api.ok(await api.get(PRODUCTS))) == 121


@pytest.mark.parametrize(
    ("text", "search"),
    [
        (None, None),
        (" ", None),
        ("Away  Shirt", "away* shirt*"),
        ("shirt OR NOT mug", "shirt* or* not* mug*"),
        ('status:draft "x" (a) -b *', "status\\:draft* x* \\(a\\)* b*"),
        ("a\\b D'Addario", "a\\\\b* d'addario*"),
    ],
)
def test_no_text_is_an_operator(text: str | None, search: str | None) -> None:
    assert gateways.search_text(text) == search


async def test_a_shop_without_points_is_waited_for(api: Api, store: Shop) -> None:
    await connected(api, store)
    # It has the points again after a millisecond, as it says itself.
    store.replies = [reply(429, {}, Retry_After="0.01"), reply(200, {"errors": [THROTTLED], **COST})]
    assert len(await api.ok(await api.get(PRODUCTS, limit=10))) == 10
    assert len(store.queries) == 3


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "1e400", "1e308"])
async def test_a_wait_that_is_no_number_of_seconds_is_long(api: Api, store: Shop, seconds: str) -> None:
    await connected(api, store)
    store.replies = [reply(429, {}, Retry_After=seconds)]
    answer = await api.get(PRODUCTS, limit=10)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "86400")


async def test_what_was_read_before_the_points_ended_is_returned(api: Api, store: Shop) -> None:
    await connected(api, store)
    store.points, store.restore_rate = 60, 0.001
    answer = await api.get(PRODUCTS, limit=100)
    rows = await api.ok(answer)
    assert len(rows) == 50
    store.points = 1000
    following = await api.ok(await api.get(PRODUCTS, limit=100, cursor=answer.headers["X-Next-Cursor"]))
    assert [row["product_name"] for row in [*rows, *following]] == store.titles
    # Longer than a call waits: 503 says when.
    store.points = 0
    answer = await api.get(PRODUCTS, limit=10)
    assert (answer.status_code, answer.json()["code"]) == (503, "shop_unavailable")
    assert int(answer.headers["Retry-After"]) > 10_000


LEAK = f"the token {TOKEN} is wrong"


def odd_products() -> Iterator[Any]:
    """Pages with a part in the shape of another, and with cursors that would not come back."""
    node = {
        "legacyResourceId": "1", "title": "Mug", "status": "ACTIVE", "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    for odd in (
        {"featuredMedia": {"preview": LEAK}}, {"featuredMedia": [LEAK]},
        {"featuredMedia": {"preview": {"image": LEAK}}}, {"featuredMedia": {"preview": {"image": {"url": 1}}}},
        {"createdAt": "0001-01-01T00:00:00"},
        {"updatedAt": "2026-01-01T00:00:00"}, {"priceRangeV2": LEAK},
    ):  # fmt: skip
        yield {"nodes": [{**node, **odd}], "pageInfo": {"hasNextPage": False}}
    for cursor in ("\u20ac", "a b", "a\r\nb", "x" * 501, ""):
        yield {"nodes": [node], "pageInfo": {"hasNextPage": True, "endCursor": cursor}}


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (reply(401, {"errors": LEAK}), 409, "shop_refused"),
        (reply(403, {"errors": LEAK}), 409, "shop_refused"),
        (reply(404, {"errors": LEAK}), 409, "shop_refused"),
        (reply(200, {"errors": [{"message": LEAK, "extensions": {"code": "ACCESS_DENIED"}}]}), 409, "shop_refused"),
        (reply(200, {"errors": [{"message": LEAK}], "data": None}), 503, "shop_unavailable"),
        (reply(200, {"errors": LEAK}), 503, "shop_unavailable"),
        (reply(200, {"data": {"products": {"nodes": [{"title": LEAK}], "pageInfo": {}}}}), 503, "shop_unavailable"),
        (reply(200, {"data": {"products": {"nodes": [], "pageInfo": {"hasNextPage": True}}}}), 503, "shop_unavailable"),
        *((reply(200, {"data": {"products": products}}), 503, "shop_unavailable") for products in odd_products()),
        (reply(200, [LEAK]), 503, "shop_unavailable"),
        ((200, {}, b"\xff" + LEAK.encode()), 503, "shop_unavailable"),
        ((200, {}, b"[" * 100_000), 503, "shop_unavailable"),
        (reply(500, {"errors": LEAK}), 503, "shop_unavailable"),
        (reply(302, {}, Location=f"http://127.0.0.1:1/?{TOKEN}"), 503, "shop_unavailable"),
        ((200, {}, b"x" * 2_000_000), 503, "shop_unavailable"),
    ],
)
async def test_faults_of_the_shop_say_nothing_of_it(
    api: Api, store: Shop, caplog: pytest.LogCaptureFixture, answer: Any, status: int, code: str
) -> None:
    await connected(api, store)
    store.replies = [answer]
    result = await api.get(PRODUCTS, query="shirt")
    assert (result.status_code, result.json()["code"]) == (status, code)
    assert TOKEN not in result.text + str(result.headers) + caplog.text


async def test_a_shop_that_refuses_is_not_connected(
    other_api: Api, store: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = f"{TOKEN}x"
    answer = await other_api.post(MANAGE, shop_url=store.url, access_token=wrong)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["access_token"])
    for body in ({"data": {"shop": LEAK}}, {"data": {"shop": [1]}}, {"data": {"shop": {"name": 1}}}):
        store.replies = [reply(200, body)]
        assert (await other_api.post(MANAGE, shop_url=store.url, access_token=TOKEN)).status_code == 422
    store.replies = [reply(503, {})]
    assert (await other_api.post(MANAGE, shop_url=store.url, access_token=TOKEN)).status_code == 422
    assert (await other_api.get(MANAGE)).status_code == 404
    for url in (
        "http://shop.example.com",
        "10.0.0.1",
        "https://shop.example.com/path",
        "https://a@b.example",
        "",
        "x y",
    ):
        answer = await other_api.post(MANAGE, shop_url=url, access_token=TOKEN)
        assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["shop_url"]), url
    assert TOKEN not in answer.text + caplog.text


async def test_without_a_shop_stored_products_are_searched(other_api: Api, store: Shop) -> None:
    new = {"network": "shopify", "product_key": "1", "product_name": "Scarf"}
    await other_api.ok(await other_api.post("/api/v1/manage/products", **new))
    assert [row["product_key"] for row in await other_api.ok(await other_api.get(PRODUCTS, query="scarf"))] == ["1"]
    assert (await other_api.get(PRODUCTS, cursor="shop.abc")).status_code == 422
    await connected(other_api, store)
    assert (await other_api.get(PRODUCTS, cursor="asc.1")).status_code == 422
    assert (await other_api.get(PRODUCTS, cursor='shop."')).status_code == 422
