"""Idols and their events. Northside has the band Harbour Lights with a show, and the fan Ada; Southside has nothing."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api import Api

EVENTS = "/api/v1/manage/idol_events"
IDOLS = "/api/v1/manage/idols"


@pytest.fixture(scope="module")
async def band(api: Api) -> str:
    created = await api.ok(await api.post("/api/v1/idols", idol_name="Harbour Lights"))
    return str(created["idol_uid"])


@pytest.fixture(scope="module")
async def show(api: Api, band: str) -> str:
    values = {"idol_uid": band, "start_timestamp": "2026-07-03 20:30:00", "event_name": "Opening night"}
    created = await api.ok(await api.post(EVENTS, **values))
    return str(created["event_uid"])


@pytest.fixture(scope="module")
async def ada(api: Api) -> int:
    created = await api.ok(await api.post("/api/v1/crm/fans", email="ada@example.com"))
    return int(created["fan_id"])


def fields_of(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [error["field"] for error in answer.json()["errors"]]


def is_not_found(answer: Any) -> bool:
    """Whether the record is missing, not the path of the call."""
    return answer.status_code == 404 and "path" not in answer.json()["detail"]


async def test_the_band_is_public(api: Api, band: str) -> None:
    assert (await api.ok(await api.public_get(f"/api/v1/idols/{band}")))["idol_name"] == "Harbour Lights"


async def test_southside_does_not_see_the_band(band: str, other_api: Api) -> None:
    assert is_not_found(await other_api.public_get(f"/api/v1/idols/{band}"))


async def test_southside_cannot_rename_the_band(band: str, other_api: Api) -> None:
    assert is_not_found(await other_api.post(f"{IDOLS}/{band}", idol_name="Stolen"))


async def test_southside_cannot_delete_the_band(band: str, other_api: Api) -> None:
    assert is_not_found(await other_api.delete(f"{IDOLS}/{band}"))


async def test_southside_cannot_delete_the_show(show: str, other_api: Api) -> None:
    assert is_not_found(await other_api.delete(f"{EVENTS}/{show}"))


async def test_the_band_keeps_a_name(api: Api, band: str) -> None:
    assert fields_of(await api.post(f"{IDOLS}/{band}", idol_name="")) == ["idol_name"]


async def test_the_band_cannot_take_the_name_of_another(api: Api, band: str) -> None:
    await api.ok(await api.post("/api/v1/idols", idol_name="The Gulls"))
    answer = await api.post(f"{IDOLS}/{band}", idol_name="the gulls")
    assert (answer.status_code, answer.json()["code"]) == (409, "idol_name_taken")


async def test_a_show_needs_a_band_that_exists(api: Api) -> None:
    answer = await api.post(EVENTS, idol_uid=str(uuid4()), start_timestamp="2026-07-03 20:30:00")
    assert is_not_found(answer)


@pytest.mark.parametrize("start", ["tonight", "2026-07-03 20:30:00Z", "1066-10-14 09:00:00"])
async def test_a_show_starts_at_a_local_time(api: Api, band: str, start: str) -> None:
    assert fields_of(await api.post(EVENTS, idol_uid=band, start_timestamp=start)) == ["start_timestamp"]


async def test_shows_are_searched_by_days_in_order(api: Api) -> None:
    days = {"start_date": "2026-07-04", "end_date": "2026-07-03"}
    assert fields_of(await api.public_get("/api/v1/idols/events", **days)) == ["end_date"]


async def test_a_fan_cannot_follow_a_band_that_does_not_exist(api: Api, ada: int) -> None:
    answer = await api.post(f"/api/v1/crm/fans/{ada}/idols", action="add", idol_uid=str(uuid4()))
    assert is_not_found(answer)


async def test_a_fan_in_a_batch_is_not_named_by_email_as_a_network(api: Api, band: str) -> None:
    row = {"idol_uid": band, "user_key": "ada@example.com", "network": "email"}
    answer = await api.ok(await api.post("/api/v1/crm/idol_fans", idol_fans=[row]))
    assert answer["inserted"] == []
    assert [error["error"].partition(":")[0] for error in answer["errors"]] == ["network"]


async def test_when_two_fans_become_one_the_one_follows_the_band(api: Api, band: str, ada: int) -> None:
    bea = (await api.ok(await api.post("/api/v1/crm/fans", email="bea@example.com")))["fan_id"]
    await api.ok(await api.post(f"/api/v1/crm/fans/{bea}/idols", action="add", idol_uid=band))
    await api.ok(await api.post(f"/api/v1/manage/fans/{ada}/merge", merged_fan_id=bea))
    followed = await api.ok(await api.get(f"/api/v1/crm/fans/{ada}/idols"))
    assert [row["idol_uid"] for row in followed] == [band]
