"""Categories of points. Northside has the category Loyalty and the fan Ada; Southside has nothing."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.api import Api

MANAGE = "/api/v1/manage/points"


@pytest.fixture(scope="module")
async def loyalty(api: Api) -> str:
    created = await api.ok(await api.post(MANAGE, point_name="Loyalty"))
    return str(created["point_uid"])


@pytest.fixture(scope="module")
async def ada(api: Api) -> int:
    created = await api.ok(await api.post("/api/v1/crm/fans", email="ada@example.com"))
    return int(created["fan_id"])


async def names(api: Api) -> list[str]:
    return [row["point_name"] for row in await api.ok(await api.get("/api/v1/manage/points"))]


def fields_of(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [error["field"] for error in answer.json()["errors"]]


def is_not_found(answer: Any) -> bool:
    """Whether the record is missing, not the path of the call."""
    return answer.status_code == 404 and "path" not in answer.json()["detail"]


@pytest.mark.usefixtures("loyalty")
async def test_northside_sees_its_category(api: Api) -> None:
    assert "Loyalty" in await names(api)


@pytest.mark.usefixtures("loyalty")
async def test_southside_does_not_see_northsides_category(other_api: Api) -> None:
    assert await names(other_api) == []


async def test_categories_are_listed_by_name_whatever_their_case(api: Api) -> None:
    for name in ("zebra", "Apple", "mango"):
        await api.ok(await api.post(MANAGE, point_name=name))
    listed = await names(api)
    assert [name for name in listed if name in ("zebra", "Apple", "mango")] == ["Apple", "mango", "zebra"]


@pytest.mark.usefixtures("loyalty")
async def test_a_name_is_used_once(api: Api) -> None:
    answer = await api.post(MANAGE, point_name="LOYALTY")
    assert (answer.status_code, answer.json()["code"]) == (409, "point_name_taken")


@pytest.mark.usefixtures("loyalty")
async def test_a_category_cannot_get_the_name_of_another(api: Api) -> None:
    created = await api.ok(await api.post(MANAGE, point_name="Silver"))
    answer = await api.post(f"{MANAGE}/{created['point_uid']}", point_name="loyalty")
    assert (answer.status_code, answer.json()["code"]) == (409, "point_name_taken")


async def test_southside_can_use_the_same_name(loyalty: str, other_api: Api) -> None:
    created = await other_api.ok(await other_api.post(MANAGE, point_name="Loyalty"))
    assert created["point_uid"] != loyalty
    await other_api.ok(await other_api.post(f"{MANAGE}/{created['point_uid']}", point_name="Renamed"))


async def test_southside_cannot_change_northsides_category(loyalty: str, other_api: Api) -> None:
    assert is_not_found(await other_api.post(f"{MANAGE}/{loyalty}", point_name="Stolen"))


async def test_a_category_that_does_not_exist_cannot_be_changed(api: Api) -> None:
    assert is_not_found(await api.post(f"{MANAGE}/{uuid4()}", point_name="Nothing"))


@pytest.mark.parametrize("field", ["point_name", "is_active"])
async def test_a_category_keeps_its_name_and_state(api: Api, loyalty: str, field: str) -> None:
    assert fields_of(await api.post(f"{MANAGE}/{loyalty}", **{field: ""})) == [field]


async def test_points_of_an_unknown_category_are_not_awarded(api: Api, ada: int) -> None:
    answer = await api.post(f"/api/v1/crm/fans/{ada}/points", point_name="Gold", point_count=5)
    assert is_not_found(answer)


async def test_an_unknown_category_has_no_leaderboard(api: Api) -> None:
    days = {"start_date": "2026-01-01", "end_date": "2026-12-31"}
    answer = await api.get("/api/v1/crm/fan_points/leaderboard", point_name="Gold", **days)
    assert is_not_found(answer)


async def test_a_fan_without_points_has_no_standing(api: Api, loyalty: str, ada: int) -> None:
    assert is_not_found(await api.get(f"{MANAGE}/{loyalty}/standing", fan_id=ada))


async def test_a_range_must_not_end_before_it_starts(api: Api) -> None:
    today = datetime.now(UTC).date()
    days = {"start_date": today.isoformat(), "end_date": today.replace(year=today.year - 1, day=1).isoformat()}
    assert fields_of(await api.get("/api/v1/crm/fan_points", **days)) == ["end_date"]
