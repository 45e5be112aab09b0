"""The feed of tickets: read both ways, by every window, never passed by a late commit."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import asyncpg
import pytest

from fanfare.fans import followers
from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.tickets.sold import TICKETS, Row, bulk, line, pulled, sold

# 23:30 on 10 May 2027 in Los Angeles is the 11th in GMT.
LATE = "2026-05-11 06:30:00"
SLOW = """
    with hold as materialized (select hold_position($1) as held)
    insert into tickets (account_id, ticket_id, fan_id, event_uid, purchased_at, created_at, updated_at, num_seats,
                         paid_amount, currency, ticket_key)
    select $1, nextval('positions'), t.fan_id, t.event_uid, now(), now(), now(), 1, 1, 'CAD', 'slow'
    from hold cross join tickets t where t.account_id = $1 order by t.ticket_id limit 1
"""


def ids(rows: list[Row]) -> list[int]:
    return [row["ticket_id"] for row in rows]


async def page(api: Api, **query: Any) -> tuple[Row, list[int]]:
    answer = await api.ok(await api.get(TICKETS, **query))
    return answer["meta"], ids(answer["data"])


class Feed(NamedTuple):
    """An account with five tickets, the third of them deleted."""

    api: Api
    tickets: list[int]


@pytest.fixture(scope="module")
async def feed(base_url: str, db: Db, other_api: Api) -> AsyncIterator[Feed]:
    await sold(other_api, email="stranger@example.com")
    rows = [line(f"feed-{n}", email=f"feed{n % 2}@example.com", is_deleted=n == 2) for n in range(5)]
    rows[3]["purchase_timestamp"] = LATE
    async with new_api(base_url, db) as own_db:
        yield Feed(own_db, ids(await bulk(own_db, *rows)))


async def test_pages_go_both_ways(feed: Feed) -> None:
    api, created = feed
    display = [each for each in created if each != created[2]]
    assert await page(api, limit=3) == (
        {"order": "desc", "min_ticket_id": display[1], "max_ticket_id": display[3], "has_more": True}, display[:0:-1],
    )  # fmt: skip
    assert await page(api, max_ticket_id=display[1]) == (
        {"order": "desc", "min_ticket_id": display[0], "max_ticket_id": display[0], "has_more": False}, display[:1],
    )  # fmt: skip
    assert await page(api, min_ticket_id=display[0], limit=2) == (
        {"order": "asc", "min_ticket_id": display[1], "max_ticket_id": display[2], "has_more": True}, display[1:3],
    )  # fmt: skip
    assert ids(await pulled(api, limit=2)) == display
    assert ids(await pulled(api, limit=2, include_deleted=True)) == created


def empty(order: str, low: int, high: int) -> Row:
    return {"order": order, "min_ticket_id": low, "max_ticket_id": high, "has_more": False}


async def test_an_empty_page_repeats_its_bounds(feed: Feed) -> None:
    api, created = feed
    last = created[-1]
    assert await page(api, min_ticket_id=last) == (empty("asc", last, last), [])
    assert await page(api, max_ticket_id=2) == (empty("desc", 2, 2), [])
    # A bound of which more may still come is no place to go on from.
    ahead = await page(api, min_ticket_id=last, max_ticket_id=last + 1000)
    assert ahead == (empty("asc", last, last), [])


@pytest.mark.parametrize(
    ("window", "places"),
    [
        ({"min_purchase_date": "2026-05-10"}, [3]),
        ({"min_purchase_date": "2026-05-11"}, []),
        ({"max_purchase_date": "2026-05-09"}, [0, 1, 4]),
        ({"min_purchase_date": "2026-05-01", "max_purchase_date": "2026-05-10"}, [0, 1, 3, 4]),
        ({"email": "FEED1@example.com"}, [1, 3]),
        ({"email": "feed0@example.com", "include_deleted": True}, [0, 2, 4]),
        ({"email": "nobody@example.com"}, []),
        ({"min_last_update_date": "2020-01-01", "max_last_update_date": "2020-01-02"}, []),
        ({"min_last_update_date": "2020-01-01", "email": "feed1@example.com"}, [1, 3]),
        ({"max_last_update_date": "2020-01-01"}, []),
    ],
)
async def test_windows_narrow(feed: Feed, window: dict[str, Any], places: list[int]) -> None:
    api, created = feed
    assert ids(await pulled(api, limit=1, **window)) == [created[place] for place in places]


async def test_a_puller_sees_what_was_deleted_since(api: Api, db: Db) -> None:
    tickets = ids(await bulk(api, *(line(f"since-{n}", email="since@example.com") for n in range(3))))
    await db.execute(
        "update tickets set updated_at = '2026-01-05' where account_id = $1 and ticket_id = any($2)",
        api.account_id,
        tickets,
    )
    window = {"email": "since@example.com", "min_last_update_date": "2026-01-06", "include_deleted": True}
    assert await pulled(api, **window) == []
    await db.execute("update tickets set updated_at = '2026-01-05' where account_id = $1", api.account_id)
    await api.ok(await api.delete(f"/api/v1/manage/tickets/{tickets[1]}"))
    # The change is later than what was there, whatever the clock says.
    window["min_last_update_date"] = "2026-01-04"
    rows = await pulled(api, **window)
    assert {row["ticket_id"]: row["is_deleted"] for row in rows}[tickets[1]] is True
    updated = max(rows, key=lambda row: row["last_updated_timestamp"])
    assert updated["ticket_id"] in tickets


async def test_a_late_commit_is_not_passed_by(api: Api, database_url: str) -> None:
    first = await sold(api)
    slow = await asyncpg.connect(database_url)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(SLOW, api.account_id)
    quick = await sold(api)
    old = ids(await pulled(api))
    assert old[-1] >= first["ticket_id"]
    assert quick["ticket_id"] not in old
    await transaction.commit()
    await slow.close()
    new = ids(await pulled(api, min_ticket_id=old[-1]))
    assert len(new) == 2
    assert new[1] == quick["ticket_id"] > new[0]


async def test_data_fan_adds_the_fan(api: Api, db: Db) -> None:
    created = await sold(api, email="whole@example.com")
    (row,) = await pulled(api, email="whole@example.com", data="fan")
    assert (row["fan"]["fan_id"], row["fan"]["email"]) == (created["fan_id"], "whole@example.com")
    (row,) = await pulled(api, email="whole@example.com")
    assert row["fan"] is None
    answer = await api.get(TICKETS, data="everything")
    assert [error["field"] for error in answer.json()["errors"]] == ["data"]
    async with db.transaction() as tx:
        second = await sold(api, email="other@example.com")
        await followers.move(tx, api.account_id, created["fan_id"], second["fan_id"])
    assert len(await pulled(api, email="other@example.com")) == 2


async def test_wrong_windows_are_named(api: Api) -> None:
    answer = await api.get(
        TICKETS, min_purchase_date="2026-02-01", max_purchase_date="2026-01-01", limit=0,
        min_last_update_date="2026-02-01", max_last_update_date="2026-01-01",
    )  # fmt: skip
    fields = [error["field"] for error in answer.json()["errors"]]
    assert fields == ["limit", "max_purchase_date", "max_last_update_date"]
    assert (await api.get(TICKETS, email="nobody")).json()["errors"][0]["field"] == "email"
