"""Filters: saving them with criteria, references to segments, lists, counts and statistics."""

import asyncio
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfare.kernel.data.db import Db
from fanfare.segments.queries import references
from tests.api import Api
from tests.search.crowd import activity, days_ago, fan, follow, search, tag

FILTERS = "/api/v1/manage/filters"
PEOPLE: dict[str, dict[str, Any]] = {
    "zoe": {
        "first_name": "Zoë", "email": "zoe@example.com", "province": "BC", "is_subscribed": True, "gender": "female",
        "country_code": "CA", "city": "Vancouver", "metro_area": "Vancouver", "latitude": 49.0, "longitude": -123.0,
        "birth_date": "2000-01-01", "rating": 4,
    },
    "bob": {
        "first_name": "Bob", "phone": "+16045550001", "province": "WA", "is_phone_subscribed": True, "gender": "male",
        "country_code": "US", "city": "Seattle", "metro_area": "Seattle",
    },
    "cai": {
        "first_name": "Cai", "email": "cai@example.com", "phone": "+16045550002", "province": "BC", "is_optout": True,
        "country_code": "CA", "city": "Vancouver", "latitude": 51.0, "longitude": -125.0, "rating": 2,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
async def people(api: Api, other_api: Api, db: Db) -> dict[str, int]:
    created = {}
    for name, result in PEOPLE.items():
        created[name] = await fan(db, api.account_id, **{**result, "birth_date": None, "fan_source": "filters"})
        await fan(db, other_api.account_id, **{**result, "birth_date": None})
    await db.execute(
        "update fans set birth_date = '2000-01-01' where account_id = $1 and fan_id = $2",
        api.account_id,
        created["zoe"],
    )
    await tag(db, api.account_id, "VIP", created["zoe"], created["bob"])
    await follow(db, api.account_id, "Northside FC", created["bob"])
    await activity(db, api.account_id, created["zoe"], days_ago(1))
    await activity(db, api.account_id, created["bob"], days_ago(60))
    return created


async def saved(api: Api, **values: Any) -> str:
    uid: str = (await api.ok(await api.post(FILTERS, **{"filter_name": f"f {uuid.uuid4()}", **values})))["filter_uid"]
    return uid


async def members(api: Api, uid: str, kind: str = "filter") -> list[int]:
    answer = await api.ok(await api.get(f"/api/v1/segments/{kind}/{uid}/fans"))
    return [row["fan_id"] for row in answer["data"]]


async def errors(api: Api, **values: Any) -> list[tuple[str, str]]:
    answer = await api.post(FILTERS, filter_name=f"f {uuid.uuid4()}", **values)
    assert answer.status_code == 422, answer.text
    return [(each["field"], each["message"]) for each in answer.json()["errors"]]


async def test_a_filter_keeps_its_criteria_and_finds_whom_the_search_finds(api: Api, people: dict[str, int]) -> None:
    expected = {"fan_provinces": ["BC"], "crm_active_days": 30, "fan_start_creation_date": "2020-01-01"}
    uid = await saved(api, filter_name="Near and here", group_name="Season", **expected)
    answer = await api.ok(await api.get(f"{FILTERS}/{uid}"))
    assert answer["criteria"] == expected
    assert (answer["filter_name"], answer["group_name"], answer["is_active"]) == ("Near and here", "Season", True)
    assert await members(api, uid) == await search(api, **expected) == [people["zoe"]]


async def test_wrong_criteria_are_refused_with_their_name(api: Api) -> None:
    assert [field for field, _ in await errors(api, fan_gender="lady", fan_rating=9, fan_incl_segments="club:7")] == [
        "fan_gender", "fan_rating", "fan_incl_segments",
    ]  # fmt: skip


async def test_unknown_criteria_are_reported(api: Api) -> None:
    saved = await api.ok(await api.post(FILTERS, filter_name="Mistyped", fan_cuntry="CA", fan_gender="female"))
    assert saved["ignored_parameters"] == ["fan_cuntry"]
    answer = await api.ok(await api.post(f"{FILTERS}/{saved['filter_uid']}/criteria", fan_gendr="female"))
    assert answer["ignored_parameters"] == ["fan_gendr"]
    counted = await api.ok(await api.get(f"{FILTERS}/count", fan_gendr="female"))
    assert counted["ignored_parameters"] == ["fan_gendr"]
    assert "ignored_parameters" not in await api.ok(await api.get(f"{FILTERS}/count", fan_gender="female"))
    stats = await api.ok(await api.get(f"{FILTERS}/stats", fan_gendr="female"))
    assert stats["ignored_parameters"] == ["fan_gendr"]
    assert "ignored_parameters" not in await api.ok(await api.get(f"{FILTERS}/stats", fan_gender="female"))


async def test_a_name_is_unique_in_an_account(api: Api, other_api: Api) -> None:
    uid = await saved(api, filter_name="Only one")
    second = await saved(api, filter_name="Another")
    assert (await api.post(FILTERS, filter_name="ONLY ONE")).json()["code"] == "filter_name_taken"
    assert (await api.post(f"{FILTERS}/{second}", filter_name="only one")).status_code == 409
    await saved(other_api, filter_name="Only one")
    assert await api.ok(await api.post(f"{FILTERS}/{uid}", filter_name="Only ONE")) == {"filter_uid": uid}


async def test_a_change_leaves_other_fields_as_they_are(api: Api, people: dict[str, int]) -> None:
    uid = await saved(api, filter_name="Turning", group_name="A", fan_provinces="WA")
    await api.ok(await api.post(f"{FILTERS}/{uid}", is_active=False))
    await api.ok(await api.post(f"{FILTERS}/{uid}", group_name=""))
    answer = await api.ok(await api.get(f"{FILTERS}/{uid}"))
    assert (answer["filter_name"], answer["group_name"], answer["is_active"]) == ("Turning", None, False)
    assert answer["criteria"] == {"fan_provinces": ["WA"]}
    await api.ok(await api.post(f"{FILTERS}/{uid}/criteria", fan_tags="vip", fan_source="filters"))
    assert await members(api, uid) == [people["zoe"], people["bob"]]


async def test_filters_are_listed_by_group_and_day(api: Api, db: Db) -> None:
    uid = await saved(api, filter_name="Listed", group_name="Group L")
    await db.execute(
        "update filters set created_at = '2021-03-11 07:30Z' where account_id = $1 and filter_uid = $2",
        api.account_id,
        uuid.UUID(uid),
    )

    async def listed(**query: Any) -> list[str]:
        return [each["filter_uid"] for each in await api.ok(await api.get("/api/v1/crm/filters", **query))]

    assert await listed(**{"group name": "group l"}) == await listed(group_name="Group L") == [uid]
    # 07:30 GMT on the 11th is the 10th in Los Angeles.
    assert await listed(creation_start_date="2021-03-10", creation_end_date="2021-03-10") == [uid]
    assert await listed(creation_start_date="2021-03-11", creation_end_date="2021-03-12") == []


async def test_criteria_include_and_exclude_segments(api: Api, people: dict[str, int], db: Db) -> None:
    zoe, bob, cai = people["zoe"], people["bob"], people["cai"]
    everyone = {"fan_source": "filters"}
    vip = await db.value("select tag_id from tags where account_id = $1 and tag_name = 'VIP'", api.account_id)
    women = await saved(api, fan_gender="female")
    frozen = (await api.ok(await api.post("/api/v1/manage/snapshots", snapshot_name="Two", fan_ids=[bob, cai])))[
        "snapshot_uid"
    ]
    mixed = await saved(
        api, fan_incl_segments=[f"filter:{women}", f"snapshot:{frozen}"], fan_excl_segments=f"tag:{vip}"
    )
    for target, expected in (
        ({"fan_incl_segments": f"tag:{vip}"}, [zoe, bob]),
        ({"fan_incl_segments": f"filter:{women}"}, [zoe]),
        # whose gender is not known is not a woman
        ({"fan_excl_segments": f"filter:{women}"}, [bob, cai]),
        ({"fan_incl_snapshot_uids": frozen}, [bob, cai]),
        ({"fan_excl_snapshot_uids": frozen}, [zoe]),
        ({"fan_incl_segments": f"snapshot:{frozen},filter:{women}"}, [zoe, bob, cai]),
        ({"fan_incl_segments": f"snapshot:{frozen},filter:{women}", "fan_excl_segments": f"tag:{vip}"}, [cai]),
        ({"fan_incl_segments": f"filter:{mixed}"}, [cai]),
        ({"fan_excl_segments": f"filter:{mixed}"}, [zoe, bob]),
        ({"fan_incl_segments": f"filter:{uuid.uuid4()}"}, []),
        ({"fan_incl_segments": f"tag:987654,tag:{vip}"}, [zoe, bob]),
    ):
        assert await search(api, **everyone, **target) == expected, target
        assert (await api.ok(await api.get(f"{FILTERS}/count", **everyone, **target)))["fan_count"] == len(expected)


async def test_a_reference_must_exist_in_the_account(api: Api, other_api: Api) -> None:
    theirs = await saved(other_api, fan_gender="female")
    for segment in (f"filter:{theirs}", f"filter:{uuid.uuid4()}", "tag:123456789", f"snapshot:{uuid.uuid4()}"):
        for name in ("fan_incl_segments", "fan_excl_segments"):
            assert await errors(api, **{name: segment}) == [(name, f"refers to an unknown segment: {segment}")]
    ghost = str(uuid.uuid4())
    assert await errors(api, fan_excl_snapshot_uids=ghost) == [
        ("fan_excl_snapshot_uids", f"refers to an unknown segment: snapshot:{ghost}")
    ]
    assert await search(api, fan_incl_segments=f"filter:{theirs}") == []


async def test_a_cycle_is_refused_and_described(api: Api) -> None:
    one = await saved(api, filter_name="One")
    two = await saved(api, filter_name="Two", fan_incl_segments=f"filter:{one}")
    three = await saved(api, filter_name="Three", fan_excl_segments=f"filter:{two}")
    for uid, way in ((one, "One > One"), (two, "One > Two > One"), (three, "One > Three > Two > One")):
        answer = await api.post(f"{FILTERS}/{one}/criteria", fan_excl_segments=f"filter:{uid}")
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"field": "fan_excl_segments", "message": f"the filter would contain itself: {way}"}
        ]
    assert (await api.ok(await api.get(f"{FILTERS}/{one}")))["criteria"] == {}


async def test_two_simultaneous_changes_create_no_cycle(api: Api) -> None:
    for _ in range(5):
        one, two = await saved(api), await saved(api)
        answers = await asyncio.gather(
            api.post(f"{FILTERS}/{one}/criteria", fan_incl_segments=f"filter:{two}"),
            api.post(f"{FILTERS}/{two}/criteria", fan_incl_segments=f"filter:{one}"),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 422]


async def test_the_size_of_a_filter_is_limited(api: Api) -> None:
    lower = bottom = await saved(api, fan_gender="male")
    # Each refers twice to what is below: 1, 5, 13, 29, 61 filters.
    for _ in range(4):
        pair = [f"filter:{await saved(api, fan_incl_segments=f'filter:{lower}')}" for _ in range(2)]
        lower = await saved(api, fan_incl_segments=pair)
    pair = [f"filter:{await saved(api, fan_incl_segments=f'filter:{lower}')}" for _ in range(2)]
    refusal = ("fan_incl_segments", "a filter may consist of at most 100 filters")
    assert await errors(api, fan_incl_segments=pair) == [refusal]
    # Nor from below.
    second = await saved(api, fan_incl_segments=pair[0])
    answer = await api.post(f"{FILTERS}/{bottom}/criteria", fan_incl_segments=f"filter:{second}")
    assert "contain itself" in answer.json()["detail"]
    deep = [f"filter:{await saved(api)}"]
    for _ in range(2):
        deep = [f"filter:{await saved(api, fan_excl_segments=deep)}"]
    answer = await api.post(f"{FILTERS}/{bottom}/criteria", fan_incl_segments=deep)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (422, refusal[1])


async def test_a_referenced_segment_cannot_be_deleted(api: Api, people: dict[str, int]) -> None:
    lower = await saved(api, fan_gender="male")
    frozen = (await api.ok(await api.post("/api/v1/manage/snapshots", snapshot_name="Kept", fan_ids=[people["zoe"]])))[
        "snapshot_uid"
    ]
    upper = await saved(api, filter_name="Upper", fan_incl_segments=f"filter:{lower}", fan_excl_snapshot_uids=frozen)
    for path in (f"{FILTERS}/{lower}", f"/api/v1/manage/snapshots/{frozen}"):
        refused = await api.delete(path)
        assert (refused.status_code, refused.json()["code"]) == (409, "named_by_filters")
        assert '"Upper"' in refused.json()["detail"]
    for path in (f"{FILTERS}/{upper}", f"{FILTERS}/{lower}", f"/api/v1/manage/snapshots/{frozen}"):
        assert await api.ok(await api.delete(path)) is True
        assert (await api.delete(path)).status_code == 404


async def test_statistics_of_a_stored_and_an_unsaved_filter(api: Api, people: dict[str, int]) -> None:
    assert len(people) == 3
    expected = {"fan_source": "filters"}
    await saved(api, filter_name="Everyone", **expected)
    stats = await api.ok(await api.get("/api/v1/crm/filters/stats", filter_name="everyone"))
    assert stats == await api.ok(await api.get(f"{FILTERS}/stats", **expected))
    last = stats["fans"].pop("last_update_timestamp")
    assert isinstance(last, int)
    assert stats["fans"] == {
        "fan_count": 3, "email_count": 2, "phone_count": 2, "email_subscribe_count": 1, "phone_subscribe_count": 1,
    }  # fmt: skip
    genders = {each["gender"]: each["fan_count"] for each in stats["fan_demographics"]["genders"]}
    assert genders == {"female": 1, "male": 1, None: 1}
    ages = stats["fan_demographics"]["ages"]
    assert {"youngest_age": None, "oldest_age": None, "fan_count": 2} in ages
    assert {"youngest_age": 25, "oldest_age": 34, "fan_count": 1} in ages
    assert stats["top_countries"] == [
        {"country_code": "CA", "fan_count": 2}, {"country_code": "US", "fan_count": 1},
    ]  # fmt: skip
    assert [each["metro_area"] for each in stats["top_metro_areas"]] == ["Seattle", "Vancouver"]
    assert stats["top_locations"][0] == {
        "city": "Vancouver", "province": "BC", "country_code": "CA", "fan_count": 2, "latitude": 50.0,
        "longitude": -124.0,
    }  # fmt: skip
    assert stats["fan_metrics"] == {
        "active_fan_count": 2, "recently_active_fan_count": 1, "activity_count": 2, "average_rating": 3.0,
        "optout_count": 1,
    }  # fmt: skip


async def test_a_count_of_a_filter_is_stored(api: Api, people: dict[str, int]) -> None:
    await saved(api, filter_name="Counted", fan_source="filters")

    async def counted() -> int | None:
        listed = await api.ok(await api.get("/api/v1/crm/filters"))
        count: int | None = next(each["last_search_count"] for each in listed if each["filter_name"] == "Counted")
        return count

    assert await counted() is None
    await api.ok(await api.get("/api/v1/crm/filters/stats", filter_name="counted"))
    assert await counted() == len(people)


async def test_statistics_of_no_fans(api: Api) -> None:
    stats = await api.ok(await api.get(f"{FILTERS}/stats", fan_source="nobody at all"))
    assert stats["fans"]["fan_count"] == 0
    assert stats["fans"]["last_update_timestamp"] is None
    assert (stats["top_countries"], stats["fan_demographics"]) == ([], {"genders": [], "ages": []})
    assert stats["fan_metrics"]["average_rating"] is None


NODES = st.sampled_from("abcdef")


@given(st.dictionaries(NODES, st.sets(NODES, max_size=3)), NODES)
def test_a_cycle_is_found_if_and_only_if_there_is_one(linked: dict[str, set[str]], start: str) -> None:
    reached, fresh = set[str](), set(linked.get(start, ()))
    while fresh:
        reached |= fresh
        fresh = {each for one in fresh for each in linked.get(one, ())} - reached
    way = references.cycle_from(linked, start)
    assert (way is not None) == (start in reached)
    for one, second in zip(way or [], (way or [])[1:], strict=False):
        assert second in linked[one]
    above = {each for each in linked if each != start and start in _below(linked, each)}
    assert references.dependents(linked, start) - {start} == above


def _below(linked: dict[str, set[str]], start: str) -> set[str]:
    reached, fresh = set[str](), set(linked.get(start, ()))
    while fresh:
        reached |= fresh
        fresh = {each for one in fresh for each in linked.get(one, ())} - reached
    return reached
