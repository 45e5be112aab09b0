"""Actions on many fans: what each does, to whom, once, and how it ends."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.exports.actions import running as exports
from fanfare.fan_jobs.actions import fixing, running
from fanfare.fan_jobs.queries.fan_jobs import next_fan_job
from fanfare.kernel.data.db import Db
from tests.api import Api

PATH = "/api/v1/manage/fan_jobs"
CHANGES = "/api/v1/manage/changes"


@pytest.fixture
async def fan_ids(api: Api) -> list[int]:
    """Five fans of a province that no other test uses."""
    province, number = "YT", uuid.uuid4().hex[:6]
    return [
        (
            await api.ok(
                await api.post(
                    "/api/v1/crm/fans", email=f"f{each}-{number}@example.com", province=province, country_code="CA",
                    fan_source=number,
                )
            )
        )["fan_id"]
        for each in range(5)
    ]  # fmt: skip


async def source_of(api: Api, fan_ids: list[int]) -> str:
    """Return the source of some fans, by which a search finds them and nobody else."""
    source: str = (await api.ok(await api.get(f"/api/v1/crm/fans/{fan_ids[0]}")))["fan_source"]
    return source


async def work(api: Api, db: Db) -> None:
    """Do what workers would do."""
    while await running.work(db.for_account(api.account_id), api.account_id, datetime.now(UTC)):
        pass


async def job(api: Api, uid: str) -> dict[str, Any]:
    result: dict[str, Any] = await api.ok(await api.get(f"{PATH}/{uid}"))
    return result


async def start(api: Api, **params: Any) -> str:
    uid: str = (await api.ok(await api.post(PATH, **params)))["fan_job_uid"]
    return uid


async def finish(api: Api, db: Db, **params: Any) -> dict[str, Any]:
    """Start a job, do what workers would do, and return it."""
    uid = await start(api, **params)
    await work(api, db)
    return await job(api, uid)


async def points_of(api: Api, fan_id: int) -> list[int]:
    rows = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}/points"))
    return [row["point_count"] for row in rows.get("data", rows)]


async def new_points(api: Api, **values: Any) -> str:
    row = await api.ok(await api.post("/api/v1/manage/points", point_name=f"Loyalty {uuid.uuid4()}", **values))
    return str(row["point_uid"])


async def test_a_tag_comes_and_goes(api: Api, db: Db, fan_ids: list[int]) -> None:
    source = await source_of(api, fan_ids)
    tag = f"Locals {source}"
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name=tag, fan_ids=fan_ids[:1]))
    result = await finish(api, db, action="tag", tag_name=tag, fan_source=source)
    assert (result["state"], result["fan_count"], result["done_count"], result["changed_count"]) == (
        "completed", 5, 5, 4,
    )  # fmt: skip
    assert result["finish_timestamp"]
    page = await api.ok(await api.get("/api/v1/crm/fans", fan_tags=tag))
    assert [row["fan_id"] for row in page["data"]] == fan_ids
    result = await finish(api, db, action="untag", tag_name=tag.swapcase(), fan_ids=[*fan_ids[:2], 2**40])
    assert (result["fan_count"], result["changed_count"]) == (2, 2)
    page = await api.ok(await api.get("/api/v1/crm/fans", fan_tags=tag))
    assert [row["fan_id"] for row in page["data"]] == fan_ids[2:]


async def test_the_fans_of_a_search_are_its_set(api: Api, db: Db, fan_ids: list[int]) -> None:
    source = await source_of(api, fan_ids)
    page = await api.ok(await api.get("/api/v1/crm/fans", fan_source=source, limit=2))
    # One who comes later is not among them.
    await api.ok(await api.post("/api/v1/crm/fans", email=f"late-{source}@example.com", fan_source=source))
    result = await finish(api, db, action="tag", tag_name=f"Set {source}", search_uid=page["meta"]["search_uid"])
    assert (result["fan_count"], result["changed_count"]) == (5, 5)
    answer = await api.post(PATH, action="tag", tag_name="x", search_uid=str(uuid.uuid4()))
    assert answer.status_code == 404


async def test_points_are_awarded_once_to_each(
    api: Api, db: Db, fan_ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fixing.CHUNKS, "award", 2)
    point_uid = await new_points(api)
    result = await finish(api, db, action="award", point_uid=point_uid, point_count=50, fan_ids=fan_ids)
    assert (result["state"], result["changed_count"]) == ("completed", 5)
    # As after a failure between the awards and the note of them, which no transaction allows.
    await db.execute(
        "update fan_jobs set job_state = 'running', next_chunk = 0 where account_id = $1 and fan_job_uid = $2",
        api.account_id,
        result["fan_job_uid"],
    )
    await db.execute(
        "insert into fan_job_chunks (account_id, fan_job_id, chunk_number, fan_ids) values ($1, $2, 0, $3)",
        api.account_id,
        result["fan_job_id"],
        fan_ids,
    )
    await work(api, db)
    assert (await job(api, result["fan_job_uid"]))["changed_count"] == 5
    standing = await db.value(
        "select sum(total) from standings where account_id = $1 and board = $2", api.account_id, f"point:{point_uid}"
    )
    assert standing == 250
    answer = await api.post(
        "/api/v1/crm/fan_points", fan_id=fan_ids[0], point_uid=point_uid, point_count=1,
        award_key=f"fan-job:{result['fan_job_uid']}:1",
    )  # fmt: skip
    assert answer.status_code == 422


async def test_points_of_a_closed_category_end_the_job(api: Api, db: Db, fan_ids: list[int]) -> None:
    point_uid = await new_points(api)
    uid = await start(api, action="award", point_uid=point_uid, point_count=5, fan_ids=fan_ids)
    await api.ok(await api.post(f"/api/v1/manage/points/{point_uid}", is_active=False))
    await work(api, db)
    result = await job(api, uid)
    assert (result["state"], result["failure"], result["changed_count"]) == (
        "failed", "The point category is closed", 0,
    )  # fmt: skip
    for point, status in ((point_uid, 409), (str(uuid.uuid4()), 404)):
        answer = await api.post(PATH, action="award", point_uid=point, point_count=5, fan_ids=fan_ids)
        assert answer.status_code == status


async def test_an_erasure_needs_the_right_number(api: Api, db: Db, fan_ids: list[int]) -> None:
    source = await source_of(api, fan_ids)
    answer = await api.post(PATH, action="erase", fan_source=source)
    assert answer.json()["errors"] == [{"field": "fan_count", "message": "is required"}]
    result = await finish(api, db, action="erase", fan_source=source, fan_count=4)
    assert (result["state"], result["done_count"], result["fan_count"]) == ("failed", 0, None)
    assert result["failure"] == "there are 5 fans by now, not 4; nothing was done"
    assert (await api.get(f"/api/v1/crm/fans/{fan_ids[0]}")).status_code == 200
    # One who is gone meanwhile is passed over.
    uid = await start(api, action="erase", fan_ids=fan_ids, fan_count=5)
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_ids[2]}/erase"))
    await work(api, db)
    result = await job(api, uid)
    assert (result["state"], result["done_count"], result["changed_count"]) == ("completed", 5, 4)
    for fan_id in fan_ids:
        assert (await api.get(f"/api/v1/crm/fans/{fan_id}")).status_code == 404
    erasures = await api.ok(await api.get("/api/v1/manage/erasures"))
    assert sum(row["erasure_source"] == f"fan job {uid}" for row in erasures["data"]) == 4
    # Nothing of whom it was about stays.
    assert await db.value("select count(*) from fan_job_chunks where account_id = $1", api.account_id) == 0


async def test_what_a_search_names_is_gone_when_the_fans_are_fixed(api: Api, db: Db, fan_ids: list[int]) -> None:
    uid = await start(api, action="tag", tag_name="Named", name="f1-")
    sql = "select criteria from fan_jobs where account_id = $1 and fan_job_uid = $2"
    assert await db.value(sql, api.account_id, uid) == {"name": "f1-"}
    await work(api, db)
    assert await db.value(sql, api.account_id, uid) is None
    assert fan_ids


async def test_an_export_and_a_snapshot_of_them(api: Api, db: Db, fan_ids: list[int]) -> None:
    source = await source_of(api, fan_ids)
    result = await finish(api, db, action="snapshot", snapshot_name=f"Frozen {source}", fan_source=source)
    assert (result["state"], result["done_count"]) == ("completed", 5)
    page = await api.ok(await api.get("/api/v1/crm/fans", fan_incl_snapshot_uids=result["result_uid"]))
    assert [row["fan_id"] for row in page["data"]] == fan_ids
    result = await finish(api, db, action="snapshot", snapshot_name=f"frozen {source}", fan_ids=fan_ids)
    assert (result["state"], result["failure"]) == ("failed", "Another snapshot of the account has this name")
    result = await finish(api, db, action="export", fan_ids=fan_ids[1:3])
    while await exports.work(db.for_account(api.account_id), api.account_id, datetime.now(UTC)):
        pass
    export = await api.ok(await api.get(f"/api/v1/manage/exports/{result['result_uid']}"))
    assert (export["state"], export["row_count"]) == ("completed", 2)


async def test_it_can_be_cancelled_and_what_was_done_stays(
    api: Api, db: Db, fan_ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fixing, "CHUNK", 2)
    uid = await start(api, action="tag", tag_name=f"Half {uuid.uuid4()}", fan_ids=fan_ids)
    async with db.for_account(api.account_id).transaction() as tx:
        current = await next_fan_job(tx, api.account_id)
        assert current
        await running.WORK.step(tx, api.account_id, current, datetime.now(UTC))
    assert (await job(api, uid))["done_count"] == 2
    await api.ok(await api.post(f"{PATH}/{uid}/cancel"))
    await work(api, db)
    result = await job(api, uid)
    assert (result["state"], result["done_count"], result["changed_count"]) == ("cancelled", 2, 2)
    answer = await api.post(f"{PATH}/{uid}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "fan_job_ended")
    assert (await api.post(f"{PATH}/{uuid.uuid4()}/cancel")).status_code == 404


async def test_fans_are_chosen_in_one_way(api: Api, fan_ids: list[int]) -> None:
    for params in (
        {},
        {"fan_ids": fan_ids, "fan_provinces": ["BC"]},
        {"fan_ids": fan_ids, "is_everyone": True},
        {"is_everyone": False},
    ):
        answer = await api.post(PATH, action="tag", tag_name="x", **params)
        assert [each["field"] for each in answer.json()["errors"]] == ["fan_ids"], params
    answer = await api.post(PATH, action="tag", tag_name="x", fan_excl_segments=["tag:999999"])
    assert answer.json()["errors"][0]["field"] == "fan_excl_segments"
    answer = await api.post(PATH, action="award", fan_ids=fan_ids, point_count=0)
    assert {each["field"] for each in answer.json()["errors"]} == {"point_uid", "point_count"}
    assert (await api.post(PATH, action="untag", tag_name="Never was", fan_ids=fan_ids)).status_code == 404


async def test_a_modifier_alone_is_not_all_fans(api: Api, fan_ids: list[int]) -> None:
    answer = await api.post(PATH, action="tag", tag_name="x", fan_tag_relations="all")
    assert [each["field"] for each in answer.json()["errors"]] == ["fan_ids"]
    assert fan_ids


async def test_few_run_at_once(api: Api, db: Db, fan_ids: list[int]) -> None:
    for _ in range(20):
        await start(api, action="tag", tag_name="Twenty", fan_ids=fan_ids)
    answer = await api.post(PATH, action="tag", tag_name="Twenty", fan_ids=fan_ids)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_fan_jobs")
    await work(api, db)
    listed = await api.ok(await api.get(PATH, limit=15))
    assert (listed["meta"]["count"], listed["meta"]["has_more"]) == (15, True)
    second = await api.ok(await api.get(PATH, max_fan_job_id=listed["meta"]["min_fan_job_id"]))
    uids = [row["fan_job_uid"] for row in (*listed["data"], *second["data"])]
    assert len(uids) == len(set(uids))
    assert {row["state"] for row in listed["data"]} == {"completed"}


async def test_nobody_sees_those_of_another_account(api: Api, other_api: Api, fan_ids: list[int]) -> None:
    uid = await start(api, action="tag", tag_name="Ours", fan_ids=fan_ids)
    assert (await other_api.get(f"{PATH}/{uid}")).status_code == 404
    assert (await other_api.post(f"{PATH}/{uid}/cancel")).status_code == 404
    answer = await other_api.post(PATH, action="tag", tag_name="Theirs", fan_ids=fan_ids)
    theirs = await other_api.ok(await other_api.get(f"{PATH}/{(await other_api.ok(answer))['fan_job_uid']}"))
    assert theirs["fan_count"] == 0
