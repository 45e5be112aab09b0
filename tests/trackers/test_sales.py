"""Sales: reported by the pixel or made by fans who had clicked, credited to clicks, counted once."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from fanfare.trackers import jobs
from fanfare.trackers.actions.redirects import fan_token
from tests.api import Api
from tests.trackers.links import browser, click, figures, new_tracker, query_of

EVENTS = "/api/v1/trackers/events"


async def report(api: Api, base_url: str, **sale: Any) -> httpx.Response:
    """Report a sale as a page does, without cookies."""
    async with browser(base_url) as client:
        data = {"api_key": api.keys["Api-Key"], **sale}
        return await client.post("/trk/events", data=data)


async def events(api: Api, **query: Any) -> list[dict[str, Any]]:
    """Return the sales of the last week."""
    window = {"start_timestamp": 0, "end_timestamp": 4_000_000_000}
    answer = await api.ok(await api.get(EVENTS, **{**window, **query}))
    return list(answer["records"])


async def event_of(api: Api, order_key: str) -> dict[str, Any]:
    """Return the one sale of an order."""
    (row,) = [each for each in await events(api) if each["order_key"] == order_key]
    return row


async def sales_of(api: Api, tracker_id: int) -> tuple[float, float]:
    """Return how many sales a tracker is credited with, and their amount."""
    row = await figures(api, tracker_id)
    return row["attributed_purchase_count"], row["attributed_purchase_amount"]


async def clicked(base_url: str, saved: dict[str, Any]) -> str:
    """Click a tracker and return what the target gets."""
    return query_of(await click(base_url, saved["tracker_key"]))["trk_click"]


async def test_a_sale_is_credited_to_the_click_that_led_to_it(api: Api, base_url: str) -> None:
    saved = await new_tracker(api)
    token = await clicked(base_url, saved)
    sale = {
        "order_key": "order-1", "purchase_amount": "59.90", "quantity": 2, "trk_click": token,
        "page_url": "https://shop.example.com/thanks?a=b", "purchase_event_details": '{"seat": "12"}',
    }  # fmt: skip
    for _ in range(3):
        assert (await report(api, base_url, **sale)).status_code == 204
    row = await event_of(api, "order-1")
    assert (row["is_clicked"], row["tracker_id"]) == (True, saved["tracker_id"])
    assert (row["purchase_amount"], len(row["currency"]), row["quantity"]) == (59.9, 3, 2)
    assert (row["host_name"], row["url_param_props"]) == ("shop.example.com", {"a": "b"})
    assert (row["purchase_event_details"], row["device_type"], row["ip_address"]) == (
        {"seat": "12"}, "mobile", "127.0.0.1",
    )  # fmt: skip
    assert await sales_of(api, saved["tracker_id"]) == (1, 59.9)


async def test_the_cookie_of_the_link_is_as_good_as_the_clicks_id(api: Api, base_url: str) -> None:
    saved = await new_tracker(api)
    async with browser(base_url, **{"User-Agent": f"{uuid.uuid4()} Mozilla/5.0 (X11)"}) as client:
        client.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        await client.get(f"/trk/{saved['tracker_key']}")
        params: dict[str, Any] = {
            "api_key": api.keys["Api-Key"],
            "order_key": "cookie-1",
            "purchase_amount": 5,
            "currency": "EUR",
        }
        answer = await client.get("/trk/pixel.gif", params=params)
    assert (answer.status_code, answer.headers["content-type"], answer.content[:3]) == (200, "image/gif", b"GIF")
    assert (await event_of(api, "cookie-1"))["is_clicked"]
    row = await figures(api, saved["tracker_id"])
    assert (row["attributed_purchase_count"], row["attributed_purchase_amount"]) == (1, 0)
    assert row["other_currency_amounts"] == {"EUR": 5}


async def test_a_forged_or_foreign_click_is_credited_with_nothing(api: Api, other_api: Api, base_url: str) -> None:
    saved = await new_tracker(other_api)
    token = await clicked(base_url, saved)
    click_id = token.partition("-")[0]
    for number, forged in enumerate((token, f"{click_id}-{'0' * 24}", "1", "x" * 64)):
        order_key = f"forged-{number}"
        assert (await report(api, base_url, order_key=order_key, trk_click=forged)).status_code == 204
        assert not (await event_of(api, order_key))["is_clicked"]
    assert await sales_of(other_api, saved["tracker_id"]) == (0, 0)


@pytest.mark.parametrize(
    ("sale", "status", "fields"),
    [
        ({"purchase_amount": "-5"}, 422, ["purchase_amount"]),
        ({"purchase_amount": "much", "quantity": "0"}, 422, ["purchase_amount", "quantity"]),
        ({"purchase_event_details": '{"a": "' + "x" * 5000 + '"}'}, 422, ["purchase_event_details"]),
        ({"purchase_event_name": "x" * 129, "currency": "dollars"}, 422, ["purchase_event_name", "currency"]),
        ({"page_url": "x" * 20_000}, 413, None),
        ({"api_key": ""}, 401, None),
        ({"api_key": str(uuid.uuid4())}, 401, None),
    ],
)
async def test_what_a_page_reports_is_checked(
    api: Api, base_url: str, sale: dict[str, str], status: int, fields: list[str] | None
) -> None:
    answer = await report(api, base_url, **sale)
    names = [error["field"] for error in answer.json()["errors"]] if fields else None
    assert (answer.status_code, names) == (status, fields)
    assert answer.headers["access-control-allow-origin"] == "*"


async def later(db: Db, tracker_id: int, **ago: float) -> None:
    """Let the clicks of a tracker have been some time ago."""
    sql = "update tracker_clicks set clicked_at = clicked_at - $2::interval where tracker_id = $1"
    await db.execute(sql, tracker_id, timedelta(**ago))


async def three_clicks(api: Api, db: Db, base_url: str) -> tuple[list[int], str]:
    """Let one browser click three trackers within two days, and a fourth too long ago."""
    saved, token = [await new_tracker(api) for _ in range(4)], ""
    async with browser(base_url) as client:
        client.headers["User-Agent"] += f" [{uuid.uuid4()}]"
        for number, tracker in enumerate(saved):
            answer = await client.get(f"/trk/{tracker['tracker_key']}")
            await later(db, tracker["tracker_id"], days=[2, 1, 0, 5][number], seconds=1)
            token = query_of(answer)["trk_click"]
    return [tracker["tracker_id"] for tracker in saved], token


async def test_the_rule_of_an_account_credits_earlier_sales_too(api: Api, db: Db, base_url: str) -> None:
    (first, second, third, old), token = await three_clicks(api, db, base_url)
    await report(api, base_url, order_key="three", purchase_amount="10", trk_click=token)
    expected = {
        "last_click": [(0, 0), (0, 0), (1, 10), (0, 0)],
        "first_click": [(1, 10), (0, 0), (0, 0), (0, 0)],
        "linear": [(0.3333, 3.3333), (0.3333, 3.3333), (0.3334, 3.3334), (0, 0)],
    }
    for rule in ("last_click", "linear", "first_click", "linear", "last_click"):
        assert await api.ok(await api.post("/api/v1/manage/tracker_settings", attribution=rule))
        assert (await api.ok(await api.get("/api/v1/manage/tracker_settings")))["attribution"] == rule
        await jobs.attribute_all(db.for_account(api.account_id))
        assert [await sales_of(api, each) for each in (first, second, third, old)] == expected[rule]
    answer = await api.post("/api/v1/manage/tracker_settings", attribution="random")
    assert answer.status_code == 422


async def test_a_pattern_ties_events_to_a_tracker(api: Api, base_url: str) -> None:
    patterns = ("season*", "season_ticket_?", "100%_*")
    saved = {each: await new_tracker(api, purchase_event_wildcard=each) for each in patterns}
    names = {
        "season": "season*", "season_pass": "season*", "season_ticket_1": "season_ticket_?", "my season": None,
        "season_ticket_12": "season*", "100%_x": "100%_*", "100xyx": None,
    }  # fmt: skip
    for name, pattern in names.items():
        order_key = f"pattern {name}"
        await report(api, base_url, order_key=order_key, purchase_event_name=name)
        row = await event_of(api, order_key)
        assert (row["tracker_id"], row["is_clicked"]) == (saved[pattern]["tracker_id"] if pattern else None, False)
    token = await clicked(base_url, saved["season*"])
    for name, is_clicked in (("parking", False), ("season_pass", True)):
        await report(api, base_url, order_key=f"clicked {name}", purchase_event_name=name, trk_click=token)
        assert (await event_of(api, f"clicked {name}"))["is_clicked"] == is_clicked


async def test_patterns_take_bounded_time(api: Api, base_url: str) -> None:
    for _ in range(20):
        await new_tracker(api, purchase_event_wildcard="*a*a*a*a*a*a*a*b")
    assert (await report(api, base_url, purchase_event_name="a" * 128)).status_code == 204


async def test_events_are_paged_and_filtered(other_api: Api, base_url: str) -> None:
    saved = await new_tracker(other_api)
    token = await clicked(base_url, saved)
    for number in range(3):
        sale = {"order_key": f"page-{number}", "purchase_event_name": f"name {number % 2}"}
        await report(other_api, base_url, **sale, **({"trk_click": token} if number == 1 else {}))
    keys = [row["order_key"] for row in await events(other_api)]
    assert keys[-3:] == ["page-0", "page-1", "page-2"]
    assert [row["order_key"] for row in await events(other_api, purchase_event_name="name 1")] == ["page-1"]
    assert [row["order_key"] for row in await events(other_api, is_clicked="true")] == ["page-1"]
    assert "page-1" not in {row["order_key"] for row in await events(other_api, is_clicked="false")}
    window = {"start_timestamp": 0, "end_timestamp": 4_000_000_000, "limit": 2}
    cursor, read_keys = None, []
    while True:
        page = await other_api.ok(await other_api.get(EVENTS, **window, **({"cursor": cursor} if cursor else {})))
        assert page["meta"]["page_size"] == 2
        read_keys += [row["order_key"] for row in page["records"]]
        if not page["meta"]["has_more"]:
            break
        cursor = page["meta"]["cursor"]
    assert read_keys == keys
    assert await events(other_api, start_timestamp=4_000_000_000 - 1) == []


async def fan_who_clicked(api: Api, base_url: str, saved: dict[str, Any], email: str) -> int:
    fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", email=email)))["fan_id"]
    await click(base_url, saved["tracker_key"], f"?trk_fan={fan_token(api.account_id, fan_id)}")
    return fan_id


async def follow(api: Api, db: Db) -> None:
    await jobs.follow_sales(db.for_account(api.account_id), api.account_id, datetime.now(UTC))


async def test_purchases_of_a_fan_who_clicked_are_credited(api: Api, db: Db, base_url: str) -> None:
    await follow(api, db)
    saved = await new_tracker(api)
    fan_id = await fan_who_clicked(api, base_url, saved, "buyer@example.com")
    line = {
        "network": "shop", "merchant_key": "m", "order_key": "lines", "email": "buyer@example.com",
        "order_timestamp": (datetime.now(UTC) + timedelta(seconds=1)).isoformat(), "gross_sale_amount": 30,
    }  # fmt: skip
    for number, amount in enumerate((20, 5)):
        await api.ok(await api.post("/api/v1/crm/purchases", **line, purchase_key=f"l{number}", net_sale_amount=amount))
    await api.ok(await api.post("/api/v1/crm/purchases", **{**line, "email": "else@example.com"}, purchase_key="l9",
                                net_sale_amount=7))  # fmt: skip
    await follow(api, db)
    assert await sales_of(api, saved["tracker_id"]) == (1, 25)
    rows = [row for row in await events(api) if row["order_key"] == "lines"]
    assert [(row["purchase_key"], row["fan_id"], row["event_source"]) for row in rows] == [
        ("l0", fan_id, "purchase"), ("l1", fan_id, "purchase"),
    ]  # fmt: skip
    # A refund, and the page's own report of the order.
    await api.ok(await api.post("/api/v1/crm/purchases", **line, purchase_key="l0", net_sale_amount=12))
    await follow(api, db)
    token = await clicked(base_url, saved)
    await report(api, base_url, order_key="lines", purchase_amount=25, trk_click=token)
    assert await sales_of(api, saved["tracker_id"]) == (1, 17)


async def test_tickets_of_a_fan_who_clicked_are_credited(api: Api, db: Db, base_url: str) -> None:
    await follow(api, db)
    saved = await new_tracker(api)
    await fan_who_clicked(api, base_url, saved, "seats@example.com")
    ticket = {
        "first_name": "S", "last_name": "T", "email": "seats@example.com", "paid_amount": 80, "num_seats": 2,
        "purchase_timestamp": (datetime.now(UTC) + timedelta(seconds=1)).isoformat(), "event_date": "2026-07-03",
        "event_name": "Final", "ticket_key": "seat-1",
    }  # fmt: skip
    ticket_id = (await api.ok(await api.post("/api/v1/crm/tickets", **ticket)))["ticket_id"]
    await follow(api, db)
    assert await sales_of(api, saved["tracker_id"]) == (1, 80)
    (row,) = [each for each in await events(api) if each["ticket_id"] == ticket_id]
    assert (row["quantity"], row["event_source"], row["is_clicked"]) == (2, "ticket", True)


def ticket_of(email: str, key: str, **fields: Any) -> dict[str, Any]:
    """Return the fields of a ticket that was bought twenty days ago."""
    return {
        "first_name": "S", "last_name": "T", "email": email, "paid_amount": 80, "num_seats": 2, "ticket_key": key,
        "purchase_timestamp": (datetime.now(UTC) - timedelta(days=20)).isoformat(), "event_date": "2026-07-03",
        "event_name": "Final", **fields,
    }  # fmt: skip


async def test_tickets_that_come_back_are_no_sales(api: Api, db: Db, base_url: str) -> None:
    await follow(api, db)
    saved = await new_tracker(api)
    fan_id = await fan_who_clicked(api, base_url, saved, "back@example.com")
    await later(db, saved["tracker_id"], days=20)
    path = "/api/v1/crm/tickets"
    single = (await api.ok(await api.post(path, **ticket_of("back@example.com", "b1"))))["ticket_id"]
    for number in (2, 3):
        line = ticket_of("back@example.com", f"b{number}", order_key="back", paid_amount=10)
        await api.ok(await api.post(path, **line))
    await follow(api, db)
    assert await sales_of(api, saved["tracker_id"]) == (2, 100)
    await api.ok(await api.delete(f"/api/v1/manage/tickets/{single}"))
    # A refund of one of the two lines, then of the other: each is a line of its own, days later.
    refund = {"order_key": "back", "paid_amount": -10, "num_seats": -2}
    now = datetime.now(UTC).isoformat()
    for key, expected in (("b4", (1, 10)), ("b5", (0, 0))):
        line = ticket_of("back@example.com", key, **refund, purchase_timestamp=now)
        await api.ok(await api.post(path, **line))
        await follow(api, db)
        assert await sales_of(api, saved["tracker_id"]) == expected
    await api.ok(await api.post(f"/api/v1/manage/tickets/{single}", is_deleted=False))
    await follow(api, db)
    assert await sales_of(api, saved["tracker_id"]) == (1, 80)
    # What is recorded is followed, also when the clicks are no longer the fan's.
    await db.execute("update tracker_clicks set fan_id = null where fan_id = $1", fan_id)
    await api.ok(await api.delete(f"/api/v1/manage/tickets/{single}"))
    await follow(api, db)
    assert await sales_of(api, saved["tracker_id"]) == (0, 0)


async def test_purchases_that_are_refunded_are_no_sales(api: Api, db: Db, base_url: str) -> None:
    await follow(api, db)
    saved = await new_tracker(api)
    await fan_who_clicked(api, base_url, saved, "refund@example.com")
    line = {
        "network": "shop", "merchant_key": "m", "email": "refund@example.com", "gross_sale_amount": 30,
        "order_timestamp": (datetime.now(UTC) + timedelta(seconds=1)).isoformat(),
    }  # fmt: skip
    steps: list[tuple[dict[str, Any], tuple[float, float]]] = [
        ({"purchase_key": "r1", "order_key": "refund", "net_sale_amount": 30}, (1, 30)),
        ({"purchase_key": "r2", "order_key": "refund", "net_sale_amount": 5}, (1, 35)),
        ({"purchase_key": "f1", "order_key": "free", "net_sale_amount": 0, "gross_sale_amount": 0}, (2, 35)),
        ({"purchase_key": "r1", "order_key": "refund", "net_sale_amount": 0}, (2, 5)),
        ({"purchase_key": "r2", "order_key": "refund", "net_sale_amount": 0}, (1, 0)),
    ]
    for fields, expected in steps:
        await api.ok(await api.post("/api/v1/crm/purchases", **{**line, **fields}))
        await follow(api, db)
        assert await sales_of(api, saved["tracker_id"]) == expected


async def test_a_report_with_a_click_replaces_one_without(api: Api, base_url: str) -> None:
    """Anyone can report the numbers of orders to come."""
    saved = await new_tracker(api)
    await report(api, base_url, order_key="guessed", purchase_amount=0)
    token = await clicked(base_url, saved)
    await report(api, base_url, order_key="guessed", purchase_amount=50, trk_click=token)
    for amount, fields in ((0, {}), (7, {"trk_click": token})):
        await report(api, base_url, order_key="guessed", purchase_amount=amount, **fields)
    row = await event_of(api, "guessed")
    assert (row["purchase_amount"], row["is_clicked"], row["tracker_id"]) == (50, True, saved["tracker_id"])
    assert await sales_of(api, saved["tracker_id"]) == (1, 50)


async def test_old_clicks_and_sales_keep_only_what_figures_need(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    keys = ("old", "new")
    for key in keys:
        token = query_of(await click(base_url, saved["tracker_key"], "?email=ada@example.com"))["trk_click"]
        await report(api, base_url, order_key=f"{key} sale", page_url="https://a.example/?b=c", trk_click=token)
    account_db = db.for_account(api.account_id)
    # The first of each is a month old, and what came before.
    first = await db.value(f"select click_id from ({CLICKS}) as c", saved["tracker_id"])
    await db.execute(
        "update tracker_clicks set clicked_at = clicked_at - interval '30 days' where click_id <= $1", first
    )
    first = await db.value("select event_id from tracker_events where order_key = 'old sale'")
    await db.execute(
        "update tracker_events set created_at = created_at - interval '30 days' where event_id <= $1", first
    )
    before = await figures(api, saved["tracker_id"])
    await jobs.clear_old_clicks(account_db, api.account_id, datetime.now(UTC))
    await jobs.judge_clicks(account_db, api.account_id, datetime.now(UTC))
    rows = await db.rows(CLICKS, saved["tracker_id"])
    personal = ("ip_address", "user_agent", "url_param_props")
    assert [[row[name] is None for name in personal] for row in rows] == [[True] * 3, [False] * 3]
    assert [(row["verdict"], row["visitor_uid"] is None) for row in rows] == [("human", False)] * 2
    sales = [await event_of(api, f"{key} sale") for key in keys]
    assert [(row["ip_address"], row["url_param_props"]) for row in sales] == [(None, None), ("127.0.0.1", {"b": "c"})]
    await jobs.attribute_all(account_db)
    assert await figures(api, saved["tracker_id"]) == before


CLICKS = "select * from tracker_clicks where tracker_id = $1 order by click_id"


async def test_a_fan_who_is_forgotten_leaves_the_figures(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    fan_id = await fan_who_clicked(api, base_url, saved, "forgotten@example.com")
    sql = "select click_id from tracker_clicks where fan_id = $1"
    click_id = await db.value(sql, fan_id)
    assert (await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/export")))["tables"]["tracker_clicks"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    row = await db.row("select * from tracker_clicks where click_id = $1", click_id)
    assert row is not None
    personal = ("fan_id", "visitor_uid", "ip_address", "user_agent", "url_param_props")
    assert {name: row[name] for name in personal} == dict.fromkeys(personal)
    assert (await figures(api, saved["tracker_id"]))["total_tracker_click_count"] == 1


async def test_the_script_is_small_and_first_party(base_url: str) -> None:
    async with browser(base_url) as client:
        answer = await client.get("/trk/pixel.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert len(answer.content) < 3000
