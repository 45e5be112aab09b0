"""The ticket criteria, alone and together, compared with a count in Python."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from fanfare.kernel.clock import Clock
from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.search.crowd import SEARCH, search
from tests.tickets.sold import bulk, line

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime.now(UTC).replace(microsecond=0)
# name, venue, province as sent, artist, days from today
EVENTS = [
    ("Opening", "Harbour Park", "British Columbia", "Northside", -200),
    ("Derby", "Harbour Park", "BC", "Southside", -20),
    ("Festival", "The Forge", "Washington", "The Breakwaters", 10),
    ("Final", "Dome", "ON", "Northside", 40),
]
FANS = 14


class Sold(NamedTuple):
    """A ticket; a fan's number beyond the fans with tickets has none."""

    fan: int
    event: int
    moment: datetime
    seats: int
    paid: Decimal
    order: str | None
    code: str | None
    is_deleted: bool

    @property
    def day(self) -> date:
        return NOW.astimezone(ZONE).date() + timedelta(days=EVENTS[self.event][4])

    @property
    def body(self) -> dict[str, Any]:
        name, venue, province, artist, _ = EVENTS[self.event]
        return line(
            email=f"buyer{self.fan}@example.com", purchase_timestamp=self.moment.isoformat(), num_seats=self.seats,
            paid_amount=str(self.paid), order_key=self.order, price_code=self.code, is_deleted=self.is_deleted,
            event_name=name, event_key=name, event_date=str(self.day), venue_name=venue, venue_province=province,
            artist_name=artist,
        )  # fmt: skip


def drawn(chance: random.Random) -> Sold:
    seats = chance.randrange(5)
    return Sold(
        chance.randrange(FANS - 2), chance.randrange(len(EVENTS)),
        NOW - timedelta(minutes=chance.randrange(60 * 24 * 40)), seats, Decimal(chance.randrange(12)) * 10 * seats,
        chance.choice([None, f"o{chance.randrange(40)}"]), chance.choice([None, "A", "b", "C"]), chance.random() < 0.15,
    )  # fmt: skip


class Crowd(NamedTuple):
    """An account, its fans by number, and their tickets."""

    api: Api
    fan_ids: list[int]
    sold: list[Sold]


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Days are counted from now: midnight must not come between the tests and the server."""
    return lambda: NOW


@pytest.fixture(scope="module")
async def crowd(base_url: str, db: Db) -> Any:
    chance = random.Random(7)
    sold = [drawn(chance) for _ in range(70)]
    async with new_api(base_url, db) as api:
        fans = [await api.ok(await api.post("/api/v1/crm/fans", email=f"buyer{n}@example.com")) for n in range(FANS)]
        assert {row["status"] for row in await bulk(api, *(each.body for each in sold))} == {"success"}
        yield Crowd(api, [fan["fan_id"] for fan in fans], sold)


def drawn_criteria(chance: random.Random) -> dict[str, Any]:
    """Return random criteria, on average three."""
    today = NOW.astimezone(ZONE).date()

    def day(back: int, ahead: int = 0) -> str:
        return str(today + timedelta(days=chance.randrange(-back, ahead + 1)))

    event = chance.choice(EVENTS)
    choices: dict[str, Any] = {
        "ticket_event_name": event[0].upper(), "ticket_venue_name": event[1].lower(), "ticket_artist_name": event[3],
        "ticket_venue_provinces": chance.choice(["BC", "wa,Ontario", "British Columbia,WA"]),
        "ticket_price_code": chance.choice("aBc"),
        "ticket_start_purchase_date": day(40), "ticket_end_purchase_date": day(40),
        "ticket_purchased_days": chance.randrange(40),
        "ticket_start_event_date": day(210, 40), "ticket_end_event_date": day(210, 40),
        "ticket_seat_price_min": chance.randrange(90), "ticket_seat_price_max": chance.randrange(30, 120),
        "ticket_seat_count_min": chance.randrange(8), "ticket_seat_count_max": chance.randrange(20),
        "ticket_sales_count_min": chance.randrange(5), "ticket_sales_count_max": chance.randrange(9),
    }  # fmt: skip
    payload = {name: value for name, value in choices.items() if chance.random() < 0.15}
    return {**payload, "ticket_is_negative": True} if chance.random() < 0.3 else payload


PROVINCES = {"BC": {"BC"}, "wa,Ontario": {"WA", "ON"}, "British Columbia,WA": {"BC", "WA"}}
PROVINCE_OF_EVENT = ["BC", "BC", "WA", "ON"]


def is_meant(row: Sold, params: dict[str, Any]) -> bool:
    name, venue, _, artist, _ = EVENTS[row.event]
    bought = row.moment.astimezone(ZONE).date()
    price = row.paid / row.seats if row.seats else None
    tests: dict[str, Callable[[Any], bool]] = {
        "ticket_event_name": lambda value: name.lower() == value.lower(),
        "ticket_venue_name": lambda value: venue.lower() == value.lower(),
        "ticket_artist_name": lambda value: artist == value,
        "ticket_venue_provinces": lambda value: PROVINCE_OF_EVENT[row.event] in PROVINCES[value],
        "ticket_price_code": lambda value: (row.code or "").lower() == value.lower(),
        "ticket_start_purchase_date": lambda value: str(bought) >= value,
        "ticket_end_purchase_date": lambda value: str(bought) <= value,
        "ticket_purchased_days": lambda value: bought >= NOW.astimezone(ZONE).date() - timedelta(days=value),
        "ticket_start_event_date": lambda value: str(row.day) >= value,
        "ticket_end_event_date": lambda value: str(row.day) <= value,
        "ticket_seat_price_min": lambda value: price is not None and price >= value,
        "ticket_seat_price_max": lambda value: price is not None and price <= value,
    }  # fmt: skip
    return not row.is_deleted and all(tests[key](value) for key, value in params.items() if key in tests)


def expected(crowd: Crowd, params: dict[str, Any]) -> list[int]:
    if not params.keys() - {"ticket_is_negative"}:
        return crowd.fan_ids
    holders = []
    for fan, fan_id in enumerate(crowd.fan_ids):
        rows = [row for row in crowd.sold if row.fan == fan and is_meant(row, params)]
        orders = len({row.order for row in rows if row.order}) + sum(row.order is None for row in rows)
        requests = [
            (count, params.get(f"ticket_{name}_min"), params.get(f"ticket_{name}_max"))
            for name, count in (("seat_count", sum(row.seats for row in rows)), ("sales_count", orders))
        ]
        counted = [each for each in requests if each[1:] != (None, None)]
        is_none_enough = bool(counted) and all(
            minimum == 0 or (minimum is None and maximum == 0) for _, minimum, maximum in counted
        )
        is_within = all(
            (min(1, maximum if maximum is not None else 1) if minimum is None else minimum)
            <= count
            <= (10**9 if maximum is None else maximum)
            for count, minimum, maximum in counted
        )
        if is_within and (rows or is_none_enough):
            holders.append(fan_id)
    is_not = params.get("ticket_is_negative", False)
    return [fan_id for fan_id in crowd.fan_ids if (fan_id in holders) != is_not]


async def test_finds_the_same_fans_as_a_count_in_python(crowd: Crowd) -> None:
    chance = random.Random(11)
    empty = 0
    for _ in range(150):
        target = drawn_criteria(chance)
        plain = expected(crowd, target)
        assert await search(crowd.api, **target) == plain, target
        empty += plain in ([], crowd.fan_ids)
    assert empty < 100


async def test_criteria_must_hold_for_the_same_ticket(api: Api) -> None:
    one, two = await bulk(
        api, line(event_name="Cup", event_key="cup", price_code="A"), line(event_name="Cup", event_key="cup")
    )
    await bulk(api, line(email="both@example.com", event_key="gig", event_name="Gig", price_code="A"),
               line(email="both@example.com", event_key="cup", event_name="Cup", price_code="B"))  # fmt: skip
    assert await search(api, ticket_event_name="Cup", ticket_price_code="A") == [one["fan_id"]]
    assert two["fan_id"] in await search(api, ticket_event_name="Cup")


async def test_other_criteria_hold_beside(crowd: Crowd) -> None:
    holders = await search(crowd.api, ticket_artist_name="Northside")
    assert len(holders) > 1
    assert await search(crowd.api, ticket_artist_name="Northside", name="buyer1@") == [
        fan_id for fan_id in holders if fan_id == crowd.fan_ids[1]
    ]


async def test_a_running_search_keeps_its_prices(crowd: Crowd) -> None:
    everybody = await search(crowd.api, ticket_seat_price_min="20.5")
    page = await crowd.api.ok(await crowd.api.get(SEARCH, ticket_seat_price_min="20.5", limit=2))
    read = [row["fan_id"] for row in page["data"]]
    while page["data"]:
        page = await crowd.api.ok(await crowd.api.get(SEARCH, search_uid=page["meta"]["search_uid"], limit=2))
        read += [row["fan_id"] for row in page["data"]]
    assert read == everybody


async def test_another_accounts_tickets_are_not_found(api: Api, other_api: Api) -> None:
    await bulk(other_api, line(event_name="Theirs", event_key="theirs"))
    assert await search(api, ticket_event_name="Theirs") == []


@pytest.mark.parametrize("name", ["ticket_event_name", "ticket_venue_provinces", "ticket_price_code"])
async def test_values_never_reach_the_statement(crowd: Crowd, name: str) -> None:
    assert await search(crowd.api, **{name: "'; drop table tickets; -- {} {0} $1"}) == []
