"""Sales, seats and buyers are counted alike everywhere: in statistics, search, index, and `why`."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fanfare.accounts.queries import account_by_id
from fanfare.audience.index import evaluation
from fanfare.audience.process.updater import IndexUpdater
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import plan_of
from fanfare.search.queries.conditions import checked_context
from tests.api import Api
from tests.search.crowd import search
from tests.tickets.sold import bulk, line

RANGE = {"min_purchase_date": "2026-01-01", "max_purchase_date": "2026-12-31"}
# fan, network, order, seats, deleted: one order in two networks, an order of two fans, of two days and events, refunds
# of all or some seats, lines without an order, networks and orders whose joined names are the same.
SOLD: list[tuple[int, str | None, str | None, int, bool]] = [
    (0, "axs", "1", 2, False), (0, "box", "1", 2, False), (0, "axs", "1", 1, False),
    (1, "axs", "1", 1, False), (1, None, "1", 1, False), (1, None, None, 1, False), (1, "axs", None, 3, False),
    (2, "axs", "2", 4, False), (2, "axs", "2", -4, False), (2, "axs", "3", 1, True),
    (3, "axs", "4", 5, False), (3, "axs", "4", -1, False),
    (4, "a:b", "c", 1, False), (4, "a", "b:c", 1, False), (4, "a", "B:C", 0, False),
    (5, "axs", "9", 1, True),
]  # fmt: skip


async def sell(api: Api) -> tuple[list[int], dict[int, set[Any]], dict[int, int]]:
    """Sell all tickets; return the fans by number, and the expected sales and seats of each."""
    rows = [
        line(
            f"line {place}", email=f"buyer{fan}@example.com", network=network or "", order_key=order, num_seats=seats,
            is_deleted=is_deleted, event_key=f"e-{place % 2}", paid_amount=seats * 10, price_code=f"p{place % 3}",
            purchase_timestamp=f"2026-0{1 + place % 6}-01 12:00:00",
        )
        for place, (fan, network, order, seats, is_deleted) in enumerate(SOLD)
    ]  # fmt: skip
    created = await bulk(api, *rows)
    assert {row["status"] for row in created} == {"success"}
    fan_ids = list(dict.fromkeys(row["fan_id"] for row in created))
    sales: dict[int, set[Any]] = defaultdict(set)
    seats_of: dict[int, int] = defaultdict(int)
    for place, (row, (_, network, order, seats, is_deleted)) in enumerate(zip(created, SOLD, strict=True)):
        if not is_deleted:
            sales[row["fan_id"]].add((network, order) if order else place)
            seats_of[row["fan_id"]] += seats
    return fan_ids, sales, seats_of


async def test_all_figures_count_alike(api: Api, db: Db, tmp_path: Path) -> None:
    fan_ids, sales, seats = await sell(api)
    total = await api.ok(await api.get("/api/v1/crm/tickets/stats", **RANGE))
    assert total["sales_count"] == len(set().union(*sales.values()))
    assert total["seats_count"] == sum(seats.values())
    assert total["new_fans_count"] + total["returning_fans_count"] == len(sales)
    by_day = await api.ok(await api.get("/api/v1/manage/tickets/sales", **RANGE))
    assert sum(row["seats_count"] for row in by_day) == total["seats_count"]
    account = await account_by_id(db, api.account_id)
    follower = IndexUpdater(db, api.account_id, tmp_path)
    await follower.start(account.time_zone)
    audience = await follower.refresh()

    async def agrees(expected: list[int], **criteria: Any) -> None:
        assert await search(api, **criteria) == expected, criteria
        read = Criteria(**criteria)
        query = plan_of(read, await checked_context(db, account, read, datetime.now(UTC)))
        assert query is not None
        assert list(evaluation.matches(audience, [query], fan_ids)[0]) == expected, criteria

    await agrees(sorted(sales), ticket_sales_count_min=1)
    for count in range(1, 6):
        bought = sorted(fan_id for fan_id in fan_ids if len(sales[fan_id]) == count)
        await agrees(bought, ticket_sales_count_min=count, ticket_sales_count_max=count)
        seated = sorted(fan_id for fan_id in fan_ids if seats[fan_id] == count)
        await agrees(seated, ticket_seat_count_min=count, ticket_seat_count_max=count)
        saved = await api.post("/api/v1/manage/filters", filter_name=f"{count}", ticket_sales_count_min=count)
        uid = (await api.ok(saved))["filter_uid"]
        for fan_id in sales:
            why = await api.ok(await api.get(f"/api/v1/manage/segments/filter/{uid}/fans/{fan_id}"))
            assert why["is_member"] == (len(sales[fan_id]) >= count)
            assert why["criteria"][0]["seen"]["seat_count"] == seats[fan_id]
