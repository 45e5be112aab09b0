"""The list of assignments of tags, by time."""

from datetime import UTC, datetime

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.search.crowd import fan, tag

TAGS = "/api/v1/crm/tags"
NOON = datetime(2024, 5, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
async def fans(api: Api, other_api: Api, db: Db) -> list[int]:
    rows = [await fan(db, api.account_id, first_name="Ann", email=f"ann{number}@example.com") for number in range(3)]
    for hours, fan_id in enumerate(rows):
        await tag(db, api.account_id, "VIP", fan_id, moment=NOON.replace(hour=12 + hours))
    stranger = await fan(db, other_api.account_id)
    await tag(db, other_api.account_id, "VIP", stranger, moment=NOON)
    return rows


async def test_lists_assignments_oldest_first(api: Api, fans: list[int]) -> None:
    rows = await api.ok(await api.get(TAGS))
    assert [row["fan_id"] for row in rows] == fans
    assert rows[0] == {
        "tag_name": "VIP", "tag_id": rows[1]["tag_id"], "fan_id": fans[0], "creation_timestamp": int(NOON.timestamp()),
        "first_name": "Ann", "last_name": None, "email": "ann0@example.com",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "numbers"),
    [
        ("2024-05-02 12:00:00", "2024-05-02 13:00:00", [0]),
        ("2024-05-02T13:00:00Z", None, [1, 2]),
        (None, str(int(NOON.timestamp()) + 3600), [0]),
        ("2024-05-02", "2024-05-03", [0, 1, 2]),
        # In Los Angeles the day ends seven hours after noon in GMT.
        ("2024-05-03", None, []),
        ("2024-05-02T05:00:00-07:00", "2024-05-02T05:00:01-07:00", [0]),
    ],
)
async def test_adjacent_windows_neither_overlap_nor_miss_rows(
    api: Api, fans: list[int], start: str | None, end: str | None, numbers: list[int]
) -> None:
    window = {name: value for name, value in (("start_date", start), ("end_date", end)) if value}
    rows = await api.ok(await api.get(TAGS, **window))
    assert [row["fan_id"] for row in rows] == [fans[number] for number in numbers]


async def test_a_wrong_time_is_refused(api: Api) -> None:
    answer = await api.get(TAGS, start_date="soon", end_date="2024-13-01")
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["start_date", "end_date"]


async def test_more_rows_of_one_second_than_a_page_has_can_be_paged(api: Api, db: Db) -> None:
    rows = await db.rows(
        """
        insert into fans (account_id, created_at, updated_at, position)
        select $1, now(), now(), nextval('positions') from generate_series(1, 10001)
        returning fan_id
        """,
        api.account_id,
    )
    later = datetime(2030, 1, 1, tzinfo=UTC)
    await tag(db, api.account_id, "Crowd", *(row["fan_id"] for row in rows), moment=later)
    first = await api.get(TAGS, start_date="2029-12-31")
    rest = await api.client.get(first.links["next"]["url"], headers=api.keys)
    results = [[row["fan_id"] for row in await api.ok(answer)] for answer in (first, rest)]
    assert [len(page) for page in results] == [10_000, 1]
    assert sorted(results[0] + results[1]) == sorted(row["fan_id"] for row in rows)
    assert "next" not in rest.links
    # The cursor stays good for who asks later.
    cursor = rest.headers["x-next-cursor"]
    assert await api.ok(await api.get(TAGS, start_date="2029-12-31", cursor=cursor)) == []
    await tag(db, api.account_id, "Late", rows[0]["fan_id"], moment=later)
    (row,) = await api.ok(await api.get(TAGS, start_date="2029-12-31", cursor=cursor))
    assert (row["tag_name"], row["fan_id"]) == ("Late", rows[0]["fan_id"])


async def test_a_tag_moved_by_a_merge_is_read_by_clients_past_its_position(api: Api) -> None:
    async def create(email: str) -> int:
        fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", email=email)))["fan_id"]
        return fan_id

    stays, goes = await create("stays@example.com"), await create("goes@example.com")
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="moved", fan_ids=[goes]))
    place = {"start_date": "2026-01-01", "end_date": "2029-01-01"}

    async def fresh() -> list[int]:
        answer = await api.get(TAGS, **place)
        place.clear()
        place["cursor"] = answer.headers["x-next-cursor"]
        return [row["fan_id"] for row in await api.ok(answer) if row["tag_name"] == "moved"]

    assert await fresh() == [goes]
    await api.ok(await api.post(f"/api/v1/manage/fans/{stays}/merge", merged_fan_id=goes))
    assert await fresh() == [stays]
    await api.ok(await api.post(f"/api/v1/manage/fans/{stays}/unmerge", merged_fan_id=goes))
    assert await fresh() == [goes]
    assert await fresh() == []


@pytest.mark.parametrize("cursor", ["up.3", "asc.-1", "asc.", "9", "asc.99999999999999999999"])
async def test_a_wrong_cursor_is_refused(api: Api, cursor: str) -> None:
    answer = await api.get(TAGS, cursor=cursor)
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, ["cursor"])
