"""Filters that refer to filters: each is evaluated once per criterion, and every call limits their number."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import plan_of
from fanfare.search.queries import conditions
from tests.api import Answer, Api
from tests.search.crowd import fan, search
from tests.segments.live import FILTERS

COUNT = f"{FILTERS}/count"
TOO_LARGE = "refers to more than 100 filters, directly or through other filters"


async def store(db: Db, api: Api, **criteria: Any) -> str:
    """Store a filter as an older version may have left it, and return it as filter:uid."""
    uid = uuid.uuid4()
    await db.execute(
        "insert into filters (account_id, filter_uid, filter_name, criteria, created_at, updated_at)"
        " values ($1, $2, $3, $4, now(), now())",
        api.account_id, uid, f"f {uid}", criteria,
    )  # fmt: skip
    return f"filter:{uid}"


async def saved(api: Api, **criteria: Any) -> str:
    """Store a filter by the call, and return it as filter:uid."""
    answer = await api.ok(await api.post(FILTERS, filter_name=f"f {uuid.uuid4()}", **criteria))
    return f"filter:{answer['filter_uid']}"


async def test_a_filter_that_is_named_often_is_evaluated_once(api: Api, db: Db) -> None:
    here = await fan(db, api.account_id, gender="diverse")
    segment = await saved(api, fan_gender="diverse")
    for _ in range(3):
        segment = await saved(api, fan_incl_segments=[segment] * 100)
    expected = Criteria(fan_incl_segments=[segment] * 100)
    account, now = await account_by_id(db, api.account_id), datetime.now(UTC)
    assert (await conditions.condition(db, account, expected, now)).sql.count("f.gender") == 1
    query = plan_of(expected, await conditions.checked_context(db, account, expected, now))
    assert msgspec.json.encode(query).count(b"diverse") == 1
    assert await search(api, fan_incl_segments=[segment] * 100) == [here]
    assert await search(api, fan_gender="diverse", fan_excl_segments=[segment] * 100) == []


async def test_snapshots_and_tags_named_together_are_one_condition(api: Api, db: Db) -> None:
    tags = [f"tag:{await db.value(NEW_TAG, api.account_id, str(number))}" for number in range(50)]
    account, now = await account_by_id(db, api.account_id), datetime.now(UTC)
    condition = await conditions.condition(db, account, Criteria(fan_incl_segments=tags, fan_excl_segments=tags), now)
    assert condition.sql.count("fan_tags") == 2


NEW_TAG = "insert into tags (account_id, tag_name, created_at) values ($1, $2, now()) returning tag_id"


@pytest.fixture(scope="module")
async def wide(api: Api) -> list[str]:
    """Six filters that expand to 19 filters each, themselves included."""
    bottom = await saved(api, fan_gender="male")
    middle = [await saved(api, fan_incl_segments=bottom) for _ in range(9)]
    return [await saved(api, fan_incl_segments=middle) for _ in range(6)]


@pytest.fixture(scope="module")
async def too_large(api: Api, db: Db) -> str:
    """A filter within the limit by distinct filters that repeats the lowest one 2 ** 8 times."""
    segment = await store(db, api, fan_gender="male")
    for _ in range(8):
        segment = await store(db, api, fan_incl_segments=[segment], fan_excl_segments=[segment])
    return segment


async def test_criteria_that_expand_to_too_many_filters_are_refused(api: Api, wide: list[str]) -> None:
    uid = (await saved(api)).removeprefix("filter:")
    doors: dict[str, tuple[Callable[..., Awaitable[Answer]], dict[str, Any]]] = {
        "/api/v1/crm/fans": (api.get, {}), COUNT: (api.get, {}), f"{FILTERS}/stats": (api.get, {}),
        FILTERS: (api.post, {"filter_name": "Too large"}), f"{FILTERS}/{uid}/criteria": (api.post, {}),
    }  # fmt: skip
    for path, (call, values) in doors.items():
        for name in ("fan_incl_segments", "fan_excl_segments"):
            answer = await call(path, **values, **{name: wide})
            assert answer.status_code == 422, path
            assert [each["field"] for each in answer.json()["errors"]] == [name]
    assert (await api.get(COUNT, fan_incl_segments=wide)).json()["errors"][0]["message"] == TOO_LARGE
    assert (await api.get(COUNT, fan_incl_segments=wide[:5])).status_code == 200


async def test_a_stored_filter_that_is_too_large_is_refused(api: Api, db: Db, too_large: str) -> None:
    uid = too_large.removeprefix("filter:")
    name = await db.value("select filter_name from filters where account_id = $1 and filter_uid::text = $2",
                          api.account_id, uid)  # fmt: skip
    fan_id = await fan(db, api.account_id)
    for answer in (
        await api.get(f"/api/v1/segments/filter/{uid}"),
        await api.get(f"/api/v1/segments/filter/{uid}/fans"),
        await api.get(f"/api/v1/manage/segments/filter/{uid}/fans/{fan_id}"),
        await api.get("/api/v1/crm/filters/stats", filter_name=name),
        await api.post("/api/v1/manage/snapshots", snapshot_name="Of too many", filter_uid=uid),
        await api.get(COUNT, fan_incl_segments=too_large),
        await api.get("/api/v1/crm/fans", fan_excl_segments=too_large),
        await api.post(FILTERS, filter_name="Above", fan_incl_segments=too_large),
    ):
        assert answer.status_code == 422, answer.request.url
        assert {each["field"] for each in answer.json()["errors"]} <= {"fan_incl_segments", "fan_excl_segments"}
