"""Figures of segments: days, trends, overlaps, what refers to them, names of snapshots."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.audience import counting
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.segments.queries import overlap
from fanfare.segments.schemas.figures import OverlapQuery
from tests.api import Api, new_api
from tests.audience.indexing import has, running
from tests.search.crowd import fan, tag
from tests.segments.live import FILTERS, saved, settle

MANAGE = "/api/v1/manage"
OVERLAP = f"{MANAGE}/segments/overlap"


async def get(api: Api, path: str, **query: Any) -> Any:
    return await api.ok(await api.get(f"{MANAGE}/{path}", **query))


async def change(api: Api, action: str, *fan_ids: int) -> None:
    await api.ok(await api.post(f"{MANAGE}/tags/fans", tag_name="daily", action=action, fan_ids=[*fan_ids]))


async def test_days_say_who_entered_and_left(api: Api, db: Db) -> None:
    today = datetime.now(UTC)
    some = [await fan(db, api.account_id, fan_source="days") for _ in range(3)]
    await tag(db, api.account_id, "daily", some[0], some[1])
    uid = await saved(api, "daily", fan_tags="daily")
    await settle(db, api.account_id, today - timedelta(days=2))
    await change(api, "add", some[2])
    await settle(db, api.account_id, today - timedelta(days=1))
    await change(api, "delete", some[0])
    await change(api, "delete", some[1])
    await settle(db, api.account_id, today)
    rows = await get(api, f"filters/{uid}/days")
    columns = ("member_count", "entered_count", "left_count", "rebuilt_count")
    assert [tuple(row[name] for name in columns) for row in rows] == [(2, 0, 0, 2), (3, 1, 0, 0), (1, 0, 2, 0)]
    assert len(await get(api, f"filters/{uid}/days", days=2)) == 2
    (row,) = [each for each in await get(api, "segments", segment_type="filter") if each["segment_id"] == uid]
    assert (row["segment_count"], row["change_count"], row["sizes"]) == (1, -1, [2, 3, 1])
    # New criteria are a build of their own: nobody enters by them.
    await api.ok(await api.post(f"{FILTERS}/{uid}/criteria", fan_source="days"))
    await settle(db, api.account_id, today)
    last = (await get(api, f"filters/{uid}/days"))[-1]
    assert tuple(last[name] for name in columns) == (3, 0, 2, 2)
    await api.ok(await api.post(f"{FILTERS}/{uid}", is_active=False))
    assert (await get(api, f"filters/{uid}/days"))[-1]["member_count"] == 0
    await api.ok(await api.post(f"{FILTERS}/{uid}", is_active=True))
    await settle(db, api.account_id, today)
    assert [row["member_count"] for row in await get(api, f"filters/{uid}/days")] == [2, 3, 3]
    await api.ok(await api.delete(f"{FILTERS}/{uid}"))
    assert (await api.get(f"{MANAGE}/filters/{uid}/days")).status_code == 404


async def test_the_list_has_every_kind(api: Api, db: Db) -> None:
    fan_ids = [await fan(db, api.account_id) for _ in range(2)]
    tag_id = await tag(db, api.account_id, "Listed", *fan_ids)
    await api.ok(await api.post(f"{MANAGE}/snapshots", snapshot_name="listed", fan_ids=fan_ids))
    await saved(api, "not live", fan_source="nobody", is_active=False, group_name="Season")
    rows = {each["segment_name"]: each for each in await get(api, "segments")}
    assert (rows["Listed"]["segment_id"], rows["Listed"]["segment_count"]) == (str(tag_id), 2)
    assert rows["listed"]["segment_count"] == 2
    quiet = rows["not live"]
    assert (quiet["is_active"], quiet["group_name"], quiet["segment_count"], quiet["change_count"]) == (
        False, "Season", None, None,
    )  # fmt: skip
    assert {each["segment_type"] for each in await get(api, "segments", segment_type="tag")} == {"tag"}


async def crossed(api: Api, db: Db) -> list[str]:
    """Make three overlapping segments, one of each kind, and return them."""
    ada, bob, cleo, dan = [await fan(db, api.account_id, gender=each) for each in ("female", "male", "female", "male")]
    tag_id = await tag(db, api.account_id, f"Crossed {ada}", ada, bob)
    values = {"snapshot_name": uuid.uuid4().hex, "fan_ids": [ada, cleo]}
    snapshot = await api.ok(await api.post(f"{MANAGE}/snapshots", **values))
    both = [f"tag:{tag_id}", f"snapshot:{snapshot['snapshot_uid']}"]
    uid = await saved(api, uuid.uuid4().hex, fan_gender="female", fan_incl_segments=both)
    assert dan
    return [*both, f"filter:{uid}"]


def expected_parts(segments: list[str]) -> list[tuple[set[str], int]]:
    tagged, listed, women = segments
    return [({tagged, listed, women}, 1), ({tagged}, 1), ({listed, women}, 1)]


async def test_overlap_counts_each_combination(api: Api, db: Db) -> None:
    segments = await crossed(api, db)
    answer = await api.ok(await api.get(OVERLAP, segments=",".join(segments)))
    assert [each["fan_count"] for each in answer["segments"]] == [2, 2, 2]
    parts = [(set(each["segments"]), each["fan_count"]) for each in answer["parts"]]
    assert sorted(parts, key=str) == sorted(expected_parts(segments), key=str)
    assert answer["fan_count"] == 3


async def test_the_index_counts_overlaps_as_sql_does(
    base_url: str, db: Db, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with new_api(base_url, db) as api, running(settings.replace(data_dir=tmp_path)) as process:
        segments = await crossed(api, db)
        await has(process, await db.value("select count(*) from accounts"))
        account, now = await account_by_id(db, api.account_id), datetime.now(UTC)
        query = OverlapQuery(segments=segments)
        by_index = await overlap.overlap(db, account, query, now)
        monkeypatch.setattr(counting, "counts", nothing)
        by_sql = await overlap.overlap(db, account, query, now)
    assert sorted(map(repr, by_index.parts)) == sorted(map(repr, by_sql.parts))
    assert by_index.segments == by_sql.segments


async def nothing(*_: object) -> None:
    """Answer as an index that does not."""


async def test_overlap_of_one_or_of_unknown_segments_is_refused(api: Api, db: Db) -> None:
    tag_id = await tag(db, api.account_id, "Alone")
    answer = await api.get(OVERLAP, segments=f"tag:{tag_id}")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "segments", "message": "must name at least two segments"}]
    assert (await api.get(OVERLAP, segments=f"tag:{tag_id},tag:99999999")).status_code == 404
    assert (await api.get(OVERLAP, segments=",".join(f"tag:{each}" for each in range(6)))).status_code == 422


async def test_what_refers_to_a_segment_is_listed(api: Api, db: Db) -> None:
    tag_id = await tag(db, api.account_id, "Referred")
    by_name = await saved(api, "by name", fan_tags="referred")
    by_id = await saved(api, "by id", groups=[{"none": [{"fan_incl_segments": f"tag:{tag_id}"}]}])
    rows = await get(api, f"segments/tag/{tag_id}/filters")
    assert rows == [
        {"filter_uid": by_id, "filter_name": "by id"}, {"filter_uid": by_name, "filter_name": "by name"},
    ]  # fmt: skip
    assert await get(api, f"segments/filter/{by_id}/filters") == []
    assert (await api.get(f"{MANAGE}/segments/tag/99999999/filters")).status_code == 404


async def test_a_snapshot_is_renamed(api: Api, db: Db) -> None:
    fan_id = await fan(db, api.account_id)
    created = await api.ok(await api.post(f"{MANAGE}/snapshots", snapshot_name="first name", fan_ids=[fan_id]))
    await api.ok(await api.post(f"{MANAGE}/snapshots", snapshot_name="taken", fan_ids=[fan_id]))
    path = f"{MANAGE}/snapshots/{created['snapshot_uid']}"
    assert (await api.ok(await api.post(path, snapshot_name="second name")))["snapshot_uid"] == created["snapshot_uid"]
    assert (await api.post(path, snapshot_name="Taken")).status_code == 409
    assert (await api.post(f"{MANAGE}/snapshots/{uuid.uuid4()}", snapshot_name="x")).status_code == 404
    assert "second name" in {each["segment_name"] for each in await get(api, "segments", segment_type="snapshot")}
