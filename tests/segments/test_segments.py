"""Segments of each kind: lists, counts, pages; and snapshots, which do not change."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.fans import followers
from fanfare.fans.actions.erasure import erase_fan
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.search.crowd import SEARCH, drop_fans, fan, many_fans, tag

SNAPSHOTS = "/api/v1/manage/snapshots"


@pytest.fixture(scope="module")
async def crowd(api: Api, db: Db) -> list[int]:
    return await many_fans(db, api.account_id, 2500, "BC")


async def frozen(api: Api, **values: Any) -> dict[str, Any]:
    created: dict[str, Any] = await api.ok(
        await api.post(SNAPSHOTS, **{"snapshot_name": f"s {uuid.uuid4()}", **values})
    )
    return created


async def rows(api: Api, kind: str, key: object, **query: Any) -> tuple[dict[str, Any], list[int]]:
    answer = await api.ok(await api.get(f"/api/v1/segments/{kind}/{key}/fans", **query))
    return answer["meta"], [row["fan_id"] for row in answer["data"]]


async def count(api: Api, kind: str, key: object) -> int:
    counted: int = (await api.ok(await api.get(f"/api/v1/segments/{kind}/{key}")))["fan_count"]
    return counted


async def test_the_list_has_all_kinds(api: Api, other_api: Api, db: Db) -> None:
    here = await fan(db, api.account_id, fan_source="list")
    tag_id = await tag(db, api.account_id, "Listed tag", here)
    uid = (await api.ok(await api.post("/api/v1/manage/filters", filter_name="Listed filter", fan_source="list")))[
        "filter_uid"
    ]
    snapshot = await frozen(api, snapshot_name="Listed snapshot", fan_ids=[here])
    assert snapshot["fan_count"] == 1
    assert await count(api, "filter", uid) == 1
    listed = await api.ok(await api.get("/api/v1/segments"))
    mine = [each for each in listed if each["segment_name"].startswith("Listed")]
    assert mine == [
        {"segment_type": "tag", "segment_id": str(tag_id), "segment_name": "Listed tag", "segment_count": 1},
        {
            "segment_type": "snapshot", "segment_id": snapshot["snapshot_uid"], "segment_name": "Listed snapshot",
            "segment_count": 1,
        },
        {"segment_type": "filter", "segment_id": uid, "segment_name": "Listed filter", "segment_count": 1},
    ]  # fmt: skip
    for each in mine:
        path = f"/api/v1/segments/{each['segment_type']}/{each['segment_id']}"
        assert (await rows(api, each["segment_type"], each["segment_id"]))[1] == [here]
        assert (await other_api.get(path)).status_code == 404
        assert (await other_api.get(f"{path}/fans")).status_code == 404


async def test_status_counts_who_can_be_reached(api: Api, db: Db) -> None:
    moment = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    people: list[dict[str, Any]] = [
        {"email": "a@example.com", "is_subscribed": True},
        {"email": "b@example.com", "is_subscribed": True, "is_optout": True},
        {"email": "c@example.com", "phone": "+16045550003", "is_phone_subscribed": True},
        {"phone": "+16045550004"},
        {"is_subscribed": True},
    ]
    results = [await fan(db, api.account_id, created_at=moment, **each) for each in people]
    tag_id = await tag(db, api.account_id, "status", *results)
    assert await api.ok(await api.get(f"/api/v1/segments/tag/{tag_id}")) == {
        "fan_count": 5, "email_count": 3, "phone_count": 2, "email_subscribe_count": 1, "phone_subscribe_count": 1,
        "last_update_timestamp": int(moment.timestamp()),
    }  # fmt: skip


@pytest.mark.parametrize("limit", [400, 2500, 10_000])
async def test_each_fan_is_read_once(api: Api, crowd: list[int], limit: int) -> None:
    uid = (await frozen(api, fan_ids=crowd))["snapshot_uid"]
    for follow in ("search_uid", "next_search_uid"):
        meta, everyone = await rows(api, "snapshot", uid, limit=limit)
        while meta["search_uid"]:
            meta, extra = await rows(api, "snapshot", uid, limit=limit, search_uid=meta[follow])
            everyone += extra
        assert everyone == crowd
        assert meta["next_search_uid"] is None


async def test_a_page_without_rows_fixes_the_set(api: Api, crowd: list[int]) -> None:
    uid = (await frozen(api, fan_ids=crowd))["snapshot_uid"]
    meta, stranger = await rows(api, "snapshot", uid, limit=0)
    assert (stranger, meta["limit"]) == ([], 0)
    first = meta["search_uid"]
    meta, stranger = await rows(api, "snapshot", uid, limit=0, search_uid=first)
    assert (stranger, meta["search_uid"], meta["count"]) == ([], first, len(crowd))
    assert (await rows(api, "snapshot", uid, limit=10_000, search_uid=first))[1] == crowd
    sample = (await frozen(api, fan_ids=crowd[:3]))["snapshot_uid"]
    meta, _ = await rows(api, "snapshot", sample, limit=0)
    assert meta["count"] == 3
    assert await rows(api, "snapshot", sample, search_uid=meta["search_uid"]) == (
        {"search_uid": None, "next_search_uid": None, "count": 3, "limit": 1000, "has_more": False},
        crowd[:3],
    )


async def test_a_snapshot_stays_as_it_was(api: Api, db: Db) -> None:
    here = [await fan(db, api.account_id, fan_source="snap") for _ in range(3)]
    uid = (await api.ok(await api.post("/api/v1/manage/filters", filter_name="Snap", fan_source="snap")))["filter_uid"]
    search = await api.ok(await api.get(SEARCH, fan_source="snap", limit=1))
    late = await fan(db, api.account_id, fan_source="snap")
    of_search = await frozen(api, search_uid=search["meta"]["search_uid"])
    of_filter = await frozen(api, filter_uid=uid)
    await fan(db, api.account_id, fan_source="snap")
    assert (of_search["fan_count"], of_filter["fan_count"]) == (3, 4)
    assert (await rows(api, "snapshot", of_search["snapshot_uid"]))[1] == here
    assert (await rows(api, "snapshot", of_filter["snapshot_uid"]))[1] == [*here, late]
    await drop_fans(db, api.account_id, here[:1])
    assert (await rows(api, "snapshot", of_search["snapshot_uid"]))[1] == here[1:]


async def test_unknown_fans_are_left_out(api: Api, other_api: Api, db: Db) -> None:
    here, theirs = await fan(db, api.account_id), await fan(db, other_api.account_id)
    created = await frozen(api, fan_ids=[here, theirs, here, 999_999_999])
    assert created["fan_count"] == 1
    assert (await rows(api, "snapshot", created["snapshot_uid"]))[1] == [here]


async def test_a_snapshot_has_one_source_and_its_own_name(api: Api) -> None:
    cases: list[tuple[dict[str, str], list[str]]] = [
        ({}, ["filter_uid"]),
        ({"fan_ids": "1", "search_uid": str(uuid.uuid4())}, ["fan_ids"]),
    ]
    for values, fields in cases:
        answer = await api.post(SNAPSHOTS, snapshot_name="x", **values)
        assert [each["field"] for each in answer.json()["errors"]] == fields
    for values in ({"filter_uid": str(uuid.uuid4())}, {"search_uid": str(uuid.uuid4())}):
        assert (await api.post(SNAPSHOTS, snapshot_name="x", **values)).status_code == 404
    await frozen(api, snapshot_name="Twice", fan_ids="1")
    assert (await api.post(SNAPSHOTS, snapshot_name="twice", fan_ids="1")).json()["code"] == "snapshot_name_taken"


async def test_a_snapshot_follows_merges_and_erasures(api: Api, db: Db) -> None:
    one, two, three = [await fan(db, api.account_id) for _ in range(3)]
    first = (await frozen(api, fan_ids=[one, two]))["snapshot_uid"]
    second = (await frozen(api, fan_ids=[one]))["snapshot_uid"]
    async with db.transaction() as tx:
        await followers.move(tx, api.account_id, one, two)
    assert (await rows(api, "snapshot", first))[1] == (await rows(api, "snapshot", second))[1] == [two]
    await erase_fan(db, api.account_id, two, datetime.now(UTC), source="test")
    remaining = await db.value("select count(*) from snapshot_members where account_id = $1 and fan_id = any($2)",
                          api.account_id, [one, two, three])  # fmt: skip
    assert remaining == 0


@pytest.mark.parametrize(
    ("kind", "key"),
    [("tag", "987654321"), ("tag", "x"), ("tag", "9" * 30), ("filter", "7"), ("snapshot", str(uuid.UUID(int=9)))],
)
async def test_an_unknown_segment_is_unknown(api: Api, kind: str, key: str) -> None:
    for path in (f"/api/v1/segments/{kind}/{key}", f"/api/v1/segments/{kind}/{key}/fans"):
        assert (await api.get(path)).status_code == 404
    assert (await api.get(f"/api/v1/segments/club/{key}")).status_code == 422
