"""Each parameter of the search finds exactly the matching fans."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fanfare.kernel.clock import Clock
from fanfare.kernel.data.db import Db
from fanfare.search.criteria.person import years_before
from tests.api import Api
from tests.search.crowd import SEARCH, activity, days_ago, fan, follow, search, tag

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime.now(ZONE).replace(microsecond=0)
PEOPLE: dict[str, dict[str, Any]] = {
    "zoe": {
        "first_name": "Zoë", "last_name": "Ångström", "email": "zoe_a@example.com", "gender": "female", "rating": 4.5,
        "province": "BC", "postal_code": "V6B 1A1", "metro_area": "Vancouver", "is_subscribed": True,
        "fan_source": "Import",
    },
    "bob": {
        "first_name": "Bob", "email": "bob%one@example.com", "gender": "male", "rating": 2, "province": "WA",
        "postal_code": "98101", "metro_area": "Seattle", "is_optout": True, "fan_source": "wifi",
    },
    "cai": {
        "first_name": "Cai", "last_name": "Bobson", "province": "California", "rating": 3.5,
        "is_phone_subscribed": True, "is_subscribed": True,
    },
    "old": {"first_name": "Old", "created_at": datetime(2020, 2, 29, 20, tzinfo=UTC)},
}  # fmt: skip


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Days are counted from now: midnight must not come between a test and the server."""
    return lambda: NOW


@pytest.fixture(scope="module")
async def people(api: Api, other_api: Api, db: Db) -> dict[str, int]:
    created = {name: await fan(db, api.account_id, **values) for name, values in PEOPLE.items()}
    stranger = await fan(db, other_api.account_id, **PEOPLE["zoe"])
    await tag(db, other_api.account_id, "VIP", stranger)
    await tag(db, api.account_id, "VIP", created["zoe"], created["bob"])
    await tag(db, api.account_id, "Season", created["zoe"], created["cai"])
    await db.execute(
        "insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)"
        " values ($1, 'facebook', 'b', $2, now()), ($1, 'email', 'zoe_a@example.com', $3, now())",
        api.account_id,
        created["bob"],
        created["zoe"],
    )
    await follow(db, api.account_id, "Northside FC", created["zoe"], created["bob"])
    await follow(db, api.account_id, "The Breakwaters", created["zoe"], created["cai"], is_explicit=False)
    await follow(db, other_api.account_id, "Southside FC", stranger)
    for name, days in (("zoe", 1), ("zoe", 400), ("bob", 60), ("cai", 400)):
        await activity(db, api.account_id, created[name], days_ago(days))
    return created


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, "zoe bob cai old"),
        ({"name": "zoe"}, "zoe"),
        ({"name": "ZOË ÅNG"}, "zoe"),
        ({"name": "bob"}, "bob cai"),
        ({"name": "%"}, "bob"),
        ({"name": "_"}, "zoe"),
        ({"name": "\\"}, ""),
        ({"name": "example.com"}, "zoe bob"),
        ({"crm_active_days": 2}, "zoe"),
        ({"crm_active_days": 90}, "zoe bob"),
        ({"crm_inactive_days": 90}, "cai old"),
        ({"crm_inactive_days": 500}, "old"),
        ({"fan_tags": "vip"}, "zoe bob"),
        ({"fan_tags": "vip,season"}, "zoe bob cai"),
        ({"fan_tags": "vip,season", "fan_tag_relations": "all"}, "zoe"),
        ({"fan_tags": "vip,nobody", "fan_tag_relations": "all"}, ""),
        ({"fan_tags": "nobody"}, ""),
        ({"fan_tags[]": ["VIP", "nobody"]}, "zoe bob"),
        ({"idol_names": "NORTHSIDE fc"}, "zoe bob"),
        ({"idol_names": "Northside FC,The Breakwaters"}, "zoe bob cai"),
        ({"idol_names": "northside fc,the breakwaters", "idol_relations": "all"}, "zoe"),
        ({"idol_names": "northside fc,nobody", "idol_relations": "all"}, ""),
        ({"idol_names[]": ["nobody", "The Breakwaters"]}, "zoe cai"),
        ({"idol_names": "nobody"}, ""),
        ({"idol_names": "Southside FC"}, ""),
        ({"idol_names": "northside fc", "fan_tags": "vip,season", "fan_tag_relations": "all"}, "zoe"),
        ({"fan_networks": "Facebook"}, "bob"),
        ({"fan_networks": "facebook,email"}, "zoe bob"),
        ({"fan_is_subscribed": "on"}, "zoe cai"),
        ({"fan_is_subscribed": "false"}, "bob old"),
        ({"fan_is_optout": "1"}, "bob"),
        ({"fan_is_phone_subscribed": "yes"}, "cai"),
        ({"fan_postal_codes": "v6b1a1"}, "zoe"),
        ({"fan_postal_codes": "98 101, V6B 1A1"}, "zoe bob"),
        ({"fan_provinces": "bc,wa"}, "zoe bob"),
        ({"fan_provinces": "British Columbia"}, "zoe"),
        ({"fan_provinces": "california"}, "cai"),
        ({"fan_rating": 3.5}, "zoe cai"),
        ({"fan_gender": "female"}, "zoe"),
        ({"fan_source": "IMPORT"}, "zoe"),
        ({"fan_metro_areas": "seattle,nowhere"}, "bob"),
        ({"fan_start_creation_date": "2020-03-01"}, "zoe bob cai"),
        ({"fan_end_creation_date": "2020-02-29"}, "old"),
        ({"fan_end_creation_date": "2020-02-28"}, ""),
        ({"fan_provinces": "BC", "fan_tags": "vip", "crm_active_days": 5, "fan_gender": "female"}, "zoe"),
        ({"fan_provinces": "BC", "fan_tags": "vip", "crm_active_days": 5, "fan_gender": "male"}, ""),
        ({"name": "", "fan_provinces": "", "crm_active_days": "None", "fan_is_optout": "null"}, "zoe bob cai old"),
        ({"idol_relations": "all", "ticket_is_negative": "false", "ticket_event_name": ""}, "zoe bob cai old"),
    ],
)
async def test_finds(api: Api, people: dict[str, int], params: dict[str, Any], names: str) -> None:
    assert await search(api, **params) == sorted(people[name] for name in names.split())


async def test_activity_dates_are_days_in_the_accounts_zone(api: Api, db: Db) -> None:
    late = await fan(db, api.account_id, fan_source="late")
    # 23:30 on 10 March 2021 in Los Angeles is the 11th in GMT.
    await activity(db, api.account_id, late, datetime(2021, 3, 10, 23, 30, tzinfo=ZONE))
    for expected, is_found in (
        ({"crm_start_active_date": "2021-03-10", "crm_end_active_date": "2021-03-10"}, True),
        ({"crm_start_active_date": "2021-03-11", "crm_end_active_date": "2021-03-12"}, False),
        ({"crm_start_active_date": "2021-03-11"}, False),
        ({"crm_end_active_date": "2021-03-10"}, True),
        ({"crm_end_active_date": "2021-03-09"}, False),
    ):
        assert (await search(api, fan_source="late", **expected) == [late]) is is_found, expected


async def test_a_range_of_days_needs_an_activity_within_it(api: Api, db: Db) -> None:
    around, within = [await fan(db, api.account_id, fan_source="window") for _ in range(2)]
    for fan_id, days in ((around, (1, 20)), (within, (1, 10, 20))):
        for day in days:
            await activity(db, api.account_id, fan_id, datetime(2021, 3, day, 12, tzinfo=ZONE))
    window = {"crm_start_active_date": "2021-03-05", "crm_end_active_date": "2021-03-15"}
    assert await search(api, fan_source="window", **window) == [within]


async def test_days_begin_at_midnight_in_the_accounts_zone(api: Api, db: Db) -> None:
    here = await fan(db, api.account_id, fan_source="midnight")
    start = (NOW - timedelta(days=7)).replace(hour=0, minute=0, second=0, microsecond=0)
    await activity(db, api.account_id, here, start)
    assert await search(api, fan_source="midnight", crm_active_days=7) == [here]
    assert await search(api, fan_source="midnight", crm_active_days=6) == []
    assert await search(api, fan_source="midnight", crm_inactive_days=7) == []
    assert await search(api, fan_source="midnight", crm_inactive_days=6) == [here]


async def test_ages_are_whole_years_today(api: Api, db: Db) -> None:
    today = NOW.date()
    eighteen = await fan(db, api.account_id, fan_source="age", birth_date=years_before(today, 18))
    younger = await fan(db, api.account_id, fan_source="age", birth_date=years_before(today, 18) + timedelta(days=2))
    await fan(db, api.account_id, fan_source="age")
    assert await search(api, fan_source="age", fan_youngest_age=18) == [eighteen]
    assert await search(api, fan_source="age", fan_oldest_age=17) == [younger]
    assert await search(api, fan_source="age", fan_youngest_age=17, fan_oldest_age=18) == [eighteen, younger]


def test_ages_of_fans_born_on_a_leap_day() -> None:
    assert years_before(date(2028, 2, 29), 18) == date(2010, 2, 28)
    assert years_before(date(2028, 2, 29), 20) == date(2008, 2, 29)
    assert years_before(date(2026, 3, 1), 18) == date(2008, 3, 1)
    assert years_before(date(2026, 1, 1), 150) == date(1876, 1, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", 0), ("max_count", 0), ("max_count", 1_000_001), ("fan_gender", "lady"),
        ("fan_rating", 6), ("fan_tag_relations", "some"), ("fan_tag_relations", "none"),
        ("idol_relations", "None"), ("fan_gender", "none"), ("crm_active_days", -1), ("fan_youngest_age", 151),
        ("search_uid", "first"), ("fan_start_creation_date", "yesterday"),
    ],
)  # fmt: skip
async def test_a_wrong_value_is_refused_with_its_parameter(api: Api, name: str, value: object) -> None:
    answer = await api.get(SEARCH, **{name: value})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [name]


async def test_values_never_reach_the_statement(api: Api, people: dict[str, int]) -> None:
    hostile = "'; drop table fans; -- {} {0} $1"
    for name in ("name", "fan_tags", "idol_names", "fan_networks", "fan_postal_codes", "fan_provinces", "fan_source"):
        assert await search(api, **{name: hostile}) == []
    assert set(await search(api)) >= set(people.values())
