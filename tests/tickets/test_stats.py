"""What was sold, added up: it equals a plain recomputation, whatever was sold to whom and when."""

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.tickets.sold import Row, bulk, line

STATS, SALES = "/api/v1/crm/tickets/stats", "/api/v1/manage/tickets/sales"
ZONE = ZoneInfo("America/Los_Angeles")
# The clocks go back in this week, so that a day has 25 hours.
WEEK = datetime(2025, 10, 30, tzinfo=UTC)
EVENTS = [(f"Show {n}", f"s-{n}", f"2027-12-0{1 + n}", f"Hall {n % 2}", f"Band {n % 3}") for n in range(5)]


class Sold(NamedTuple):
    """A ticket as it was sold."""

    fan: int
    event: int
    moment: datetime
    seats: int
    paid: Decimal
    order: str | None
    currency: str
    is_deleted: bool


def drawn(chance: random.Random, number: int) -> list[Sold]:
    return [
        Sold(
            chance.randrange(12),
            chance.randrange(len(EVENTS)),
            WEEK + timedelta(minutes=chance.randrange(7 * 24 * 60)),
            chance.randrange(5),
            Decimal(chance.randrange(100_000)) / 100,
            chance.choice([None, f"order-{chance.randrange(number)}"]),
            "EUR" if chance.random() < 0.1 else "USD",
            chance.random() < 0.1,
        )
        for _ in range(number)
    ]


def send(row: Sold) -> Row:
    name, key, day, venue, artist = EVENTS[row.event]
    return line(
        email=f"fan{row.fan}@example.com", purchase_timestamp=row.moment.isoformat(), num_seats=row.seats,
        paid_amount=str(row.paid), order_key=row.order, currency=row.currency, is_deleted=row.is_deleted,
        event_name=name, event_key=key, event_date=day, venue_name=venue, artist_name=artist,
    )  # fmt: skip


def summed(rows: Iterable[Sold]) -> tuple[int, int, Decimal]:
    """Return orders, seats and revenue in the account's currency."""
    rows = list(rows)
    orders = len({row.order for row in rows if row.order}) + sum(row.order is None for row in rows)
    return orders, sum(row.seats for row in rows), sum((row.paid for row in rows if row.currency == "USD"), Decimal(0))


class Question(NamedTuple):
    """What is asked, and for which events."""

    first: date
    last: date
    narrowing: dict[str, str]
    events: set[int]

    def holds(self, row: Sold) -> bool:
        return self.first <= row.moment.astimezone(ZONE).date() <= self.last and row.event in self.events

    @property
    def query(self) -> Row:
        return {"min_purchase_date": str(self.first), "max_purchase_date": str(self.last), **self.narrowing}


def question(chance: random.Random) -> Question:
    first = (WEEK + timedelta(days=chance.randrange(-1, 7))).date()
    last = first + timedelta(days=chance.randrange(8))
    place = chance.randrange(6)
    if place == 5:
        return Question(first, last, {}, set(range(len(EVENTS))))
    value = EVENTS[chance.randrange(len(EVENTS))][place]
    name = ("event_name", "event_key", "event_date", "venue_name", "artist_name")[place]
    return Question(first, last, {name: value}, {n for n, event in enumerate(EVENTS) if event[place] == value})


def returning(sold: list[Sold], chosen: list[Sold], query: Question, *, per_event: bool) -> int:
    now: dict[int, set[int]] = defaultdict(set)
    for row in chosen:
        now[row.fan].add(row.event)
    old = [row for row in sold if row.moment.astimezone(ZONE).date() < query.first and row.fan in now]
    return len({row.fan for row in old if not per_event or row.event not in now[row.fan]})


@pytest.mark.parametrize("seed", range(4))
async def test_figures_equal_a_plain_recomputation(base_url: str, db: Db, seed: int) -> None:
    chance = random.Random(seed)
    rows = drawn(chance, 90)
    async with new_api(base_url, db) as api:
        created = await bulk(api, *map(send, rows))
        assert {each["status"] for each in created} == {"success"}
        sold = [row for row in rows if not row.is_deleted]
        for _ in range(12):
            query = question(chance)
            chosen = [row for row in sold if query.holds(row)]
            await check_totals(api, query, sold, chosen)
            await check_parts(api, query, chosen)


async def check_totals(api: Api, query: Question, sold: list[Sold], chosen: list[Sold]) -> None:
    orders, seats, revenue = summed(chosen)
    fans = len({row.fan for row in chosen})
    for per_event in (False, True):
        back = returning(sold, chosen, query, per_event=per_event)
        answer = await api.ok(await api.get(STATS, **query.query, event_specific=per_event))
        by_currency = answer.pop("revenue_by_currency")
        assert answer == {
            "returning_fans_count": back, "new_fans_count": fans - back, "sales_count": orders, "seats_count": seats,
            "revenue": pytest.approx(float(revenue)),
        }  # fmt: skip
        assert set(by_currency) == {row.currency for row in chosen}


async def check_parts(api: Api, query: Question, chosen: list[Sold]) -> None:
    days, shows = defaultdict(list), defaultdict(list)
    for row in chosen:
        days[str(row.moment.astimezone(ZONE).date())].append(row)
        shows[EVENTS[row.event][0]].append(row)
    for by, name, groups in (("date", "purchase_date", days), ("event", "event_name", shows)):
        answer = await api.ok(await api.get(SALES, **query.query, by=by))
        result: dict[str, Any] = {
            row[name]: (row["fans_count"], row["sales_count"], row["seats_count"], row["revenue"]) for row in answer
        }
        assert len(result) == len(answer)
        expected = {}
        for key, rows in groups.items():
            orders, seats, revenue = summed(rows)
            expected[key] = (len({row.fan for row in rows}), orders, seats, pytest.approx(float(revenue)))
        assert result == expected


async def test_another_accounts_sales_do_not_count(api: Api, other_api: Api) -> None:
    await bulk(api, line(purchase_timestamp="2026-05-05"))
    query = {"min_purchase_date": "2026-01-01", "max_purchase_date": "2026-12-31"}
    assert (await api.ok(await api.get(STATS, **query)))["sales_count"] == 1
    assert await other_api.ok(await other_api.get(STATS, **query)) == {
        "returning_fans_count": 0, "new_fans_count": 0, "sales_count": 0, "seats_count": 0, "revenue": 0,
        "revenue_by_currency": {},
    }  # fmt: skip
    assert await other_api.ok(await other_api.get(SALES, **query)) == []


async def test_wrong_ranges_are_named(api: Api) -> None:
    answer = await api.get(STATS)
    assert [each["field"] for each in answer.json()["errors"]] == ["max_purchase_date", "min_purchase_date"]
    answer = await api.get(SALES, min_purchase_date="2026-02-01", max_purchase_date="2026-01-01", by="hour")
    assert [each["field"] for each in answer.json()["errors"]] == ["by", "max_purchase_date"]
    answer = await api.get(SALES, min_purchase_date="2001-02-01", max_purchase_date="2026-01-01")
    assert [each["field"] for each in answer.json()["errors"]] == ["max_purchase_date"]


async def test_orders_whose_keys_were_chosen_to_look_alike_are_two(api: Api, db: Db) -> None:
    # Found in a second: PostgreSQL's hash of 64 bits is the same for both in this network.
    keys = ("order-000001", "dq00:/djB7Jk")
    alike = "select hashtextextended($1, hashtextextended('box', 0)) = hashtextextended($2, hashtextextended('box', 0))"
    assert await db.value(alike, *keys) is True
    bought = {"email": "alike@example.com", "network": "box", "event_name": "Alike", "event_key": "alike"}
    await bulk(api, *(line(**bought, purchase_timestamp="2024-05-01 12:00:00", order_key=key) for key in keys))
    query = {"min_purchase_date": "2024-05-01", "max_purchase_date": "2024-05-01"}
    assert (await api.ok(await api.get(STATS, **query)))["sales_count"] == 2
    assert [row["sales_count"] for row in await api.ok(await api.get(SALES, **query))] == [2]
    result = await api.ok(await api.get("/api/v1/crm/fans", ticket_event_names="Alike", ticket_sales_count_min=2))
    assert len(result["data"]) == 1
