"""The fan search: rows, pages, and the fixed result set."""

import asyncio
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.search.jobs import forget_old_searches
from tests.api import Api
from tests.search.crowd import SEARCH, activity, days_ago, drop_fans, fan, many_fans, tag

FIELDS = """fan_id account_id name first_name last_name email province latitude longitude creation_timestamp ip_address
country_code city is_subscribed is_phone_subscribed rating phone birth_date metro_area postal_code fields gender tags
last_page_tab_id last_campaign_name opted_in_business_ids""".split()  # noqa: SIM905 - as the catalogue lists them


async def page(api: Api, **query: Any) -> tuple[dict[str, Any], list[int]]:
    answer = await api.ok(await api.get(SEARCH, **query))
    return answer["meta"], [row["fan_id"] for row in answer["data"]]


async def pull(api: Api, **query: Any) -> list[int]:
    """Read a search as clients do: with the same search_uid until a page is empty."""
    meta, fan_ids = await page(api, **query)
    uid, everything = meta["search_uid"], list(fan_ids)
    while fan_ids:
        meta, fan_ids = await page(api, search_uid=uid, limit=query["limit"])
        assert meta["search_uid"] == uid
        everything += fan_ids
    return everything


@pytest.fixture(scope="module")
async def crowd(api: Api, db: Db) -> list[int]:
    return await many_fans(db, api.account_id, 2500, "BC")


@pytest.fixture(scope="module")
async def some_person(api: Api, db: Db) -> int:
    fan_id = await fan(
        db, api.account_id, first_name="Ann", last_name="Bo", province="YT", rating=4, latitude=49.5, longitude=-123.0
    )
    await tag(db, api.account_id, "b", fan_id)
    await tag(db, api.account_id, "A", fan_id)
    for title, days in (("Old quiz", 3), ("New poll", 2)):
        page_tab_id = await db.value(
            "insert into campaigns (account_id, title, created_at, updated_at) values ($1, $2, now(), now())"
            " returning page_tab_id",
            api.account_id,
            title,
        )
        await activity(db, api.account_id, fan_id, days_ago(days), page_tab_id)
    await activity(db, api.account_id, fan_id, days_ago(1))
    for key, value in (("size", "XL"), ("seats", 2), ("member", True), ("teams", ["a", "b"])):
        await db.execute(
            "insert into crm_fields (account_id, crm_field_key, field_type, created_at, updated_at)"
            " values ($1, $2, 'text', now(), now())",
            api.account_id,
            key,
        )
        sql = "insert into fan_fields values ($1, $2, $3, $4, now())"
        await db.execute(sql, api.account_id, fan_id, key, value)
    return fan_id


async def test_a_row_has_every_field_with_its_type(api: Api, some_person: int) -> None:
    answer = await api.ok(await api.get(SEARCH, fan_provinces="YT"))
    (row,) = answer["data"]
    assert [name for name in FIELDS if name not in row] == []
    assert (row["fan_id"], row["account_id"], row["name"]) == (some_person, api.account_id, "Ann Bo")
    assert isinstance(row["creation_timestamp"], int)
    assert (row["rating"], row["latitude"], row["is_subscribed"], row["phone"]) == (4, 49.5, False, None)
    assert row["fields"] == ["member=true", "seats=2", "size=XL", "teams=a,b"]
    assert row["field_values"] == {"size": "XL", "seats": 2, "member": True, "teams": ["a", "b"]}
    assert (row["tags"], row["last_page_tab_id"], row["opted_in_business_ids"]) == (["A", "b"], None, [])
    assert answer["meta"] == {
        "search_uid": answer["meta"]["search_uid"], "next_search_uid": None, "count": 1, "limit": 1000,
        "has_more": False,
    }  # fmt: skip


async def test_tags_and_businesses_are_filled_on_every_page_and_the_recent_entry_on_demand(
    api: Api, db: Db, some_person: int
) -> None:
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="North"))
    sql = "insert into fan_businesses values ($1, $2, $3, true, now())"
    await db.execute(sql, api.account_id, some_person, business["business_id"])
    await many_fans(db, api.account_id, 1, "NU")
    first = await api.ok(await api.get(SEARCH, fan_provinces="YT,NU", limit=1, include_recent_entry="true"))
    second = await api.ok(await api.get(SEARCH, search_uid=first["meta"]["search_uid"], limit=1))
    rows = {row["fan_id"]: row for row in first["data"] + second["data"]}
    assert len(rows) == 2
    row = rows[some_person]
    assert (row["tags"], row["last_campaign_name"]) == (["A", "b"], "New poll")
    assert row["opted_in_business_ids"] == [business["business_id"]]


@pytest.mark.parametrize("limit", [200, 999, 1000])
async def test_each_fan_is_returned_once(api: Api, crowd: list[int], limit: int) -> None:
    assert await pull(api, fan_provinces="BC", limit=limit) == crowd


async def test_max_count_ends_the_search(api: Api, crowd: list[int]) -> None:
    assert await pull(api, fan_provinces="BC", limit=200, max_count=450) == crowd[:450]
    assert await pull(api, fan_provinces="BC", limit=500, max_count=450) == crowd[:450]
    assert await pull(api, fan_provinces="BC", limit=1000, max_count=2000) == crowd[:2000]


async def test_the_count_is_returned_once_it_is_known(api: Api, crowd: list[int]) -> None:
    meta, _ = await page(api, fan_provinces="BC", limit=500)
    assert (meta["count"], meta["limit"]) == (None, 500)
    meta, _ = await page(api, search_uid=meta["search_uid"], limit=7)
    assert (meta["count"], meta["limit"]) == (len(crowd), 7)


async def test_the_next_cursor_may_be_retried_and_moves_nothing(api: Api, crowd: list[int]) -> None:
    meta, fan_ids = await page(api, fan_provinces="BC", limit=900)
    uid, everything = meta["search_uid"], list(fan_ids)
    while meta["next_search_uid"]:
        again = await page(api, search_uid=meta["next_search_uid"], limit=900)
        assert await page(api, search_uid=meta["next_search_uid"], limit=900) == again
        meta, fan_ids = again
        assert meta["search_uid"] == uid
        everything += fan_ids
    assert everything == crowd
    assert (await page(api, search_uid=uid, limit=900))[1] == crowd[900:1800]
    assert (await page(api, search_uid=f"{uid}.{len(crowd)}", limit=900))[1] == []


async def test_parallel_callers_get_a_page_twice_rather_than_miss_one(api: Api, crowd: list[int]) -> None:
    meta, first = await page(api, fan_provinces="BC", limit=100)
    read = set(first)
    while True:
        pages = await asyncio.gather(*(page(api, search_uid=meta["search_uid"], limit=100) for _ in range(8)))
        for _, fan_ids in sorted(pages, key=lambda each: each[1] or [crowd[-1] + 1]):
            # Each goes on where some other ended, or says again what it said: none begins behind a gap.
            assert not fan_ids or crowd.index(fan_ids[0]) <= len(read)
            read.update(fan_ids)
        if not any(fan_ids for _, fan_ids in pages):
            break
    assert sorted(read) == crowd


async def test_the_set_is_fixed_and_deleted_fans_are_left_out(api: Api, db: Db) -> None:
    there = await many_fans(db, api.account_id, 1200, "NL")
    meta, first = await page(api, fan_provinces="NL", limit=100)
    await many_fans(db, api.account_id, 50, "NL")
    gone = there[100:500] + there[600:602] + there[-100:]
    await drop_fans(db, api.account_id, gone)
    everything, sizes = list(first), []
    while fan_ids := (await page(api, search_uid=meta["search_uid"], limit=100))[1]:
        everything += fan_ids
        sizes.append(len(fan_ids))
    # Pages of which nobody is left are passed over, so that only the end is empty.
    assert sizes == [100, 100, 100, 100, 100, 98]
    assert everything == sorted(set(there) - set(gone))
    cursor = f"{meta['search_uid']}.150"
    meta, fan_ids = await page(api, search_uid=cursor, limit=100)
    assert fan_ids == there[500:600]
    assert meta["next_search_uid"].endswith(".602")


async def test_an_unfinished_set_is_completed_by_the_next_page(api: Api, db: Db) -> None:
    there = await many_fans(db, api.account_id, 2300, "PE")
    meta, first = await page(api, fan_provinces="PE", limit=300)
    second = (await page(api, search_uid=meta["search_uid"], limit=300))[1]
    # What a process leaves that was killed while it wrote: the first page and no more.
    remaining = await db.execute(
        "delete from search_chunks where account_id = $1 and search_uid = $2 and first_row > 0",
        api.account_id,
        uuid.UUID(meta["search_uid"]),
    )
    assert remaining == "DELETE 1"
    await drop_fans(db, api.account_id, there[:10])
    await many_fans(db, api.account_id, 5, "SK")
    pages = await asyncio.gather(*(page(api, search_uid=meta["search_uid"], limit=300) for _ in range(7)))
    read = {*first, *second, *(fan_id for _, fan_ids in pages for fan_id in fan_ids)}
    while fan_ids := (await page(api, search_uid=meta["search_uid"], limit=300))[1]:
        assert there.index(fan_ids[0]) <= len(read)
        read.update(fan_ids)
    assert sorted(read) == there


async def test_an_empty_search_has_one_empty_page(api: Api) -> None:
    meta, fan_ids = await page(api, fan_provinces="Nowhere at all")
    assert (fan_ids, meta["count"], meta["next_search_uid"]) == ([], 0, None)
    assert (await page(api, search_uid=meta["search_uid"]))[1] == []


async def test_unknown_expired_and_foreign_searches_have_the_same_response(
    api: Api, other_api: Api, db: Db, crowd: list[int]
) -> None:
    assert crowd
    meta, _ = await page(api, fan_provinces="BC", limit=100)
    uid = meta["search_uid"]
    answers = [
        await other_api.get(SEARCH, search_uid=uid),
        await other_api.get(SEARCH, search_uid=f"{uid}.100"),
        await api.get(SEARCH, search_uid=(nobodys := str(uuid.uuid4()))),
    ]
    sql = "update searches set created_at = created_at - $3::interval where account_id = $1 and search_uid = $2"
    await db.execute(sql, api.account_id, uuid.UUID(uid), timedelta(hours=24))
    answers.append(await api.get(SEARCH, search_uid=uid))
    text = [{**json.loads(answer.text.replace(nobodys, uid)), "request_id": ""} for answer in answers]
    assert text == [text[0]] * len(text)
    assert {answer.status_code for answer in answers} == {404}


async def test_old_searches_are_deleted_with_their_sets(api: Api, db: Db) -> None:
    await many_fans(db, api.account_id, 30, "AB")
    meta, _ = await page(api, fan_provinces="AB", limit=10)
    assert len((await page(api, search_uid=meta["search_uid"], limit=10))[1]) == 10
    uid = uuid.UUID(meta["search_uid"])
    counted = "select count(*) from search_chunks where account_id = $1 and search_uid = $2"
    started: datetime = await db.value("select created_at from searches where search_uid = $1", uid)
    await forget_old_searches(db, api.account_id, started + timedelta(hours=23, minutes=59))
    assert await db.value(counted, api.account_id, uid) == 2
    await forget_old_searches(db, api.account_id, started + timedelta(hours=24))
    assert await db.value(counted, api.account_id, uid) == 0
    assert await db.value("select count(*) from searches where search_uid = $1", uid) == 0


async def test_many_searches_at_once_are_all_answered(api: Api, crowd: list[int]) -> None:
    pulls = await asyncio.gather(*(pull(api, fan_provinces="BC", limit=1000) for _ in range(12)))
    assert pulls == [crowd] * 12
