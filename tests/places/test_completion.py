"""A fan's address is completed by its postal code, as it is written and afterwards, and what was given stays."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.fans.actions.places import complete_addresses
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.running import Program

FANS = "/api/v1/crm/fans"
PLACES = [
    ("CA", "V6B1A1", "Vancouver", "BC", 49.25, -123.125, "Vancouver, BC"),
    ("CA", "V8W", "Victoria", "BC", 48.5, -123.25, "Victoria, BC"),
    ("US", "98101", "Seattle", "WA", 47.5, -122.25, "Seattle-Tacoma-Bellevue, WA"),
    ("GB", "LS1", "Leeds", "England", 53.75, -1.5, None),
    ("NL", "1012", "Amsterdam", None, 52.375, 4.875, None),
    ("DE", "10115", "Berlin", "Berlin", 52.5, 13.375, None),
]
FIELDS = ("city", "province", "postal_code", "metro_area", "latitude", "longitude")


async def load(db: Db) -> None:
    await db.execute("delete from places_postal_codes")
    await db.executemany(
        """
        insert into places_postal_codes (country_code, postal_code, city, province, latitude, longitude,
                                         listed_metro_area, source)
        values ($1, $2, $3, $4, $5, $6, $7, 'test')
        """,
        PLACES,
    )


@pytest.fixture(autouse=True)
async def loaded(db: Db) -> None:
    await load(db)


async def answer_of(api: Api, fan_id: int) -> tuple[Any, ...]:
    fan = await api.ok(await api.get(f"{FANS}/{fan_id}"))
    return tuple(fan[name] for name in FIELDS)


async def create(api: Api, **values: Any) -> int:
    fan: dict[str, int] = await api.ok(await api.post(FANS, **values))
    return fan["fan_id"]


async def test_a_new_fan_is_completed_by_whole_and_half_codes(api: Api) -> None:
    cases = [
        (("CA", "v6b 1a1"), ("Vancouver", "BC", "V6B 1A1", "Vancouver, BC", 49.25, -123.125)),
        (("CA", "V8W 2B2"), ("Victoria", "BC", "V8W 2B2", "Victoria, BC", 48.5, -123.25)),
        (("US", "98101-1234"), ("Seattle", "WA", "98101-1234", "Seattle-Tacoma-Bellevue, WA", 47.5, -122.25)),
        (("GB", "LS1 4AP"), ("Leeds", "England", "LS1 4AP", None, 53.75, -1.5)),
        (("NL", "1012 AB"), ("Amsterdam", None, "1012 AB", None, 52.375, 4.875)),
        (("DE", "10115"), ("Berlin", "Berlin", "10115", None, 52.5, 13.375)),
        (("CA", "A1A 1A1"), (None, None, "A1A 1A1", None, None, None)),
        (("FR", "98101"), (None, None, "98101", None, None, None)),
    ]
    for number, ((country_code, postal_code), expected) in enumerate(cases):
        values = {"country_code": country_code, "postal_code": postal_code}
        assert await answer_of(api, await create(api, email=f"new{number}@example.com", **values)) == expected, (
            postal_code
        )


async def test_what_is_given_goes_before_what_is_known(api: Api) -> None:
    values = {"country_code": "US", "postal_code": "98101", "city": "Ballard", "latitude": 47.75, "longitude": -122.5}
    fan_id = await create(api, email="given@example.com", **values)
    assert await answer_of(api, fan_id) == ("Ballard", "WA", "98101", "Seattle-Tacoma-Bellevue, WA", 47.75, -122.5)


async def test_an_address_that_comes_later_is_completed(api: Api) -> None:
    fan_id = await create(api, email="later@example.com")
    assert await create(api, email="later@example.com", country_code="CA", postal_code="V6B 1A1") == fan_id
    assert await answer_of(api, fan_id) == ("Vancouver", "BC", "V6B 1A1", "Vancouver, BC", 49.25, -123.125)


async def test_what_was_known_follows_a_changed_address(api: Api) -> None:
    fan_id = await create(api, email="moves@example.com", country_code="CA", postal_code="V6B 1A1")
    values = {"country_code": "US", "postal_code": "98101", "province": "", "city": ""}
    await api.ok(await api.post(f"{FANS}/{fan_id}", **values))
    assert await answer_of(api, fan_id) == ("Seattle", "WA", "98101", "Seattle-Tacoma-Bellevue, WA", 47.5, -122.25)
    # The same address again changes nothing; one that no list has leaves nothing of the old.
    await api.ok(await api.post(f"{FANS}/{fan_id}", latitude=47.75, longitude=-122.5))
    await api.ok(await api.post(f"{FANS}/{fan_id}", country_code="US", postal_code="98101"))
    assert (await answer_of(api, fan_id))[-2:] == (47.75, -122.5)
    await api.ok(await api.post(f"{FANS}/{fan_id}", country_code="US", postal_code="10001", city="", province=""))
    assert await answer_of(api, fan_id) == (None, None, "10001", None, None, None)


async def test_fans_from_before_are_completed_once_and_told(api: Api, db: Db) -> None:
    await db.execute("delete from places_postal_codes")
    values = {"country_code": "CA", "postal_code": "V6B 1A1"}
    old = [await create(api, email=f"before{number}@example.com", **values) for number in range(3)]
    placed_id = await create(api, email="own@example.com", latitude=49.5, longitude=-123.5, city="Burnaby", **values)
    nowhere = await create(api, email="nowhere@example.com")
    await load(db)
    position = await db.value("select max(position) from changes where account_id = $1", api.account_id)
    assert await complete_addresses(db, api.account_id, datetime.now(UTC)) == 4
    assert await complete_addresses(db, api.account_id, datetime.now(UTC)) == 0
    for fan_id in old:
        assert await answer_of(api, fan_id) == ("Vancouver", "BC", "V6B 1A1", "Vancouver, BC", 49.25, -123.125)
    assert await answer_of(api, placed_id) == ("Burnaby", "BC", "V6B 1A1", "Vancouver, BC", 49.5, -123.5)
    assert await answer_of(api, nowhere) == (None,) * 6
    rows = await db.rows(
        "select topic, fan_id, data from changes where account_id = $1 and position > $2 order by fan_id",
        api.account_id,
        position,
    )
    everything = ["city", "latitude", "longitude", "metro_area", "province"]
    fields = [(row["topic"], row["fan_id"], sorted(row["data"]["fields"])) for row in rows]
    assert fields == [
        *(("fan.updated", fan_id, everything) for fan_id in old),
        ("fan.updated", placed_id, ["metro_area", "province"]),
    ]


async def test_an_account_that_fails_keeps_no_other_from_completion(
    api: Api, other_api: Api, db: Db, database_url: str
) -> None:
    await db.execute("delete from places_postal_codes")
    values = {"email": "failing@example.com", "country_code": "CA", "postal_code": "V6B 1A1"}
    fans = {each: await create(each, **values) for each in (api, other_api)}
    await load(db)
    first, last = sorted(fans, key=lambda each: each.account_id)
    await db.execute("create function fail() returns trigger language plpgsql as $$ begin raise 'no'; end $$")
    await db.execute(
        f"create trigger fail before update on fans for each row when (old.account_id = {first.account_id})"
        " execute function fail()"
    )
    command = [sys.executable, "-P", "-m", "fanfare.cli", "places", "complete"]
    with Program(command, DATABASE_URL=database_url) as program:
        assert await asyncio.to_thread(program.wait) == 1
    await db.execute("drop trigger fail on fans")
    logged, line = program.errors.splitlines()
    assert '"failed for an account"' in logged
    assert f"completed, but not those of account {first.account_id}: " in line
    assert program.output == ""
    assert (await answer_of(last, fans[last]))[0] == "Vancouver"
    assert (await answer_of(first, fans[first]))[0] is None


async def test_a_metro_area_follows_the_lists(api: Api, db: Db) -> None:
    fan_id = await create(api, email="metro@example.com", country_code="US", postal_code="98101")
    await db.execute("update places_postal_codes set operator_metro_area = 'Puget Sound' where postal_code = '98101'")
    assert await complete_addresses(db, api.account_id, datetime.now(UTC)) > 0
    assert (await answer_of(api, fan_id))[3] == "Puget Sound"
