"""Orders: each once, at its last line, the newest first, page by page; and what was sold of products."""

from typing import Any

from tests.api import Api

ORDERS = "/api/v1/manage/orders"


async def buy(api: Api, order: int, line: int, **extra: Any) -> None:
    purchase = {
        "purchase_key": f"{order}-{line}", "network": "shop", "order_key": str(order), "merchant_key": "harbour",
        # several orders of one moment
        "order_timestamp": f"2026-05-{1 + order // 4:02} 12:00:00", "gross_sale_amount": 10, "net_sale_amount": 9,
        "currency": "CAD", "product_key": f"P{line}", "product_name": f"Thing {line}", **extra,
    }  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/purchases", **purchase))


async def pages(api: Api, **query: Any) -> list[dict[str, Any]]:
    """Return all orders, three a page."""
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await api.get(ORDERS, limit=3, **query, **cursor)
        rows += await api.ok(answer)
        if "link" not in answer.headers:
            return rows
        cursor = {"cursor": answer.headers["x-next-cursor"]}


async def test_each_order_is_listed_once_the_newest_first(api: Api) -> None:
    for line in range(2):
        for order in range(11):
            await buy(api, order, line, currency="EUR" if (order, line) == (5, 1) else "CAD")
    rows = await pages(api)
    # Those of one moment by their last line, the last stored first.
    assert [int(row["order_key"]) for row in rows] == list(range(10, -1, -1))
    assert all((row["line_count"], row["quantity"]) == (2, 2) for row in rows)
    assert {row["order_key"]: row["net_amounts"] for row in rows}["5"] == {"CAD": 9, "EUR": 9}
    assert rows[0]["product_names"] == ["Thing 0", "Thing 1"]
    days = await pages(api, start_date="2026-05-02", end_date="2026-05-02")
    assert [int(row["order_key"]) for row in days] == [7, 6, 5, 4]
    assert [row["order_key"] for row in await pages(api, text="7")] == ["7"]
    assert await pages(api, text="nobody@example.com") == []
    assert await pages(api, network="other") == []
    # Orders have the name of their last line, in any spelling.
    named = await pages(api, product_name="THING 1", network="shop", start_date="2026-05-02")
    assert [int(row["order_key"]) for row in named] == list(range(10, 3, -1))
    assert await pages(api, product_name="thing 0") == []
    order = await api.ok(await api.get(f"{ORDERS}/7", network="shop"))
    assert [line["product_key"] for line in order["lines"]] == ["P0", "P1"]
    assert (await api.get(f"{ORDERS}/7", network="other")).status_code == 404


async def test_what_was_sold_of_products_is_added_up_by_currency_and_days(api: Api) -> None:
    product = {"network": "boutique", "product_key": "SCARF", "product_name": "Striped scarf"}
    await api.ok(await api.post("/api/v1/manage/products", **product))
    for number, (currency, quantity) in enumerate((("CAD", 2), ("CAD", -1), ("EUR", 3))):
        await buy(
            api, 20 + 4 * number, 9, network="boutique", product_key="SCARF", currency=currency, quantity=quantity,
            net_sale_amount=7 * quantity, gross_sale_amount=7 * quantity,
        )  # fmt: skip
    path = "/api/v1/manage/product_sales"
    (row,) = await api.ok(await api.get(path, query="striped"))
    assert (row["quantity"], row["net_amounts"]) == (4, {"CAD": 7, "EUR": 21})
    (row,) = await api.ok(await api.get(path, query="striped", start_date="2026-05-08"))
    assert (row["quantity"], row["net_amounts"]) == (3, {"EUR": 21})
