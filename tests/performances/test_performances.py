"""Performances, and what fans put on their schedule."""

import asyncio
import uuid
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api

PATH = "/api/v1/performances"


async def some_performance(api: Api, **extra: Any) -> str:
    values = {"performance_name": "Derby", "performance_date": "2027-07-03", **extra}
    return str((await api.ok(await api.post(PATH, **values)))["performance_uid"])


async def some_fan(api: Api) -> int:
    return int((await api.ok(await api.post("/api/v1/crm/fans", email=f"{uuid.uuid4().hex}@example.com")))["fan_id"])


async def test_a_performance_is_made_without_the_secret(api: Api) -> None:
    values = {"performance_name": "Open air", "performance_date": "2027-08-01", "additional_artist_names": ["A", "B"]}
    created = await api.ok(await api.public_post(PATH, **values))
    one = await api.ok(await api.get(f"{PATH}/{created['performance_uid']}"))
    assert (one["performance_name"], one["performance_date"], one["status"]) == ("Open air", "2027-08-01", "draft")
    assert (one["additional_artist_names"], one["is_valid_idol"]) == (["A", "B"], False)
    assert one in await api.ok(await api.get(PATH))
    assert (await api.public_get(PATH)).status_code == 403


async def test_a_change_keeps_what_is_left_out(api: Api) -> None:
    await api.ok(await api.post("/api/v1/idols", idol_name="The Tide"))
    uid = await some_performance(api, notes="keep me", status="ready", artist_name="the tide", onsale_date="2027-01-01")
    updated = {"performance_name": "Derby, moved", "performance_date": "2027-07-04", "venue_name": "Harbour Park"}
    await api.ok(await api.post(f"{PATH}/{uid}", **updated))
    one = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert (one["performance_name"], one["performance_date"]) == ("Derby, moved", "2027-07-04")
    assert (one["notes"], one["status"], one["onsale_date"]) == ("keep me", "ready", "2027-01-01")
    assert (one["display_venue_name"], one["is_valid_idol"]) == ("Harbour Park", True)
    assert (await api.post(f"{PATH}/{uuid.uuid4()}", **updated)).status_code == 404


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, ["performance_name", "performance_date"]),
        ({"performance_url": "http://x.example"}, ["performance_name", "performance_date", "performance_url"]),
        ({"performance_name": "x", "performance_date": "2027-01-01", "buying_group": "b" * 32}, ["buying_group"]),
        ({"performance_name": "x", "performance_date": "2027-01-01", "status": "gone"}, ["status"]),
        (
            {"performance_name": "x", "performance_date": "2027-01-01", "business_id": 1, "referral_page_tab_id": 1},
            ["business_id", "referral_page_tab_id"],
        ),
    ],
)
async def test_wrong_fields_are_named(api: Api, values: dict[str, Any], fields: list[str]) -> None:
    answer = await api.post(PATH, **values)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == fields


async def test_a_fan_plans_and_changes_plans(api: Api, db: Db) -> None:
    fan_id, uid = await some_fan(api), await some_performance(api)
    idol_uid = (await api.ok(await api.post("/api/v1/idols", idol_name="Planned")))["idol_uid"]
    event = {"idol_uid": idol_uid, "start_timestamp": "2027-07-03 20:00", "label_name": "main"}
    event_uid = (await api.ok(await api.post("/api/v1/manage/idol_events", **event)))["event_uid"]
    fan = f"/api/v1/crm/fans/{fan_id}"
    for _ in range(2):
        saved = await api.ok(await api.post(f"{fan}/events", event_uid=event_uid))
        assert saved == {"fan_id": fan_id, "event_uid": event_uid}
        saved = await api.ok(await api.post(f"{fan}/performances", performance_uid=uid))
        assert saved == {"fan_id": fan_id, "performance_uid": uid}
    plans = await api.ok(await api.get(f"{fan}/events", idol_label_name="MAIN"))
    assert [row["event_uid"] for row in plans["idol_events"]] == [event_uid]
    assert [row["performance_uid"] for row in plans["performances"]] == [uid]
    second = await api.ok(await api.get(f"{fan}/events", idol_label_name="other"))
    assert second["idol_events"] == []
    assert await api.ok(await api.delete(f"{fan}/events", event_uid=event_uid)) is True
    assert (await api.delete(f"{fan}/events", event_uid=event_uid)).status_code == 404
    assert await api.ok(await api.delete(f"{fan}/performances", performance_uid=uid)) is True
    assert await api.ok(await api.get(f"{fan}/events")) == {"idol_events": [], "performances": []}
    topics = await db.rows(
        "select topic from changes where account_id = $1 and fan_id = $2 and topic like 'schedule.%' order by position",
        api.account_id,
        fan_id,
    )
    assert [row["topic"] for row in topics] == ["schedule.added"] * 2 + ["schedule.removed"] * 2


async def test_a_deleted_performance_leaves_every_schedule(api: Api) -> None:
    fan_id, uid = await some_fan(api), await some_performance(api)
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/performances", performance_uid=uid))
    assert await api.ok(await api.delete(f"{PATH}/{uid}")) is True
    assert (await api.get(f"{PATH}/{uid}")).status_code == 404
    assert (await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}/events")))["performances"] == []


async def test_other_accounts_see_nothing(api: Api, other_api: Api) -> None:
    fan_id, uid = await some_fan(api), await some_performance(api)
    theirs = await some_fan(other_api)
    for answer in (
        await other_api.get(f"{PATH}/{uid}"),
        await other_api.delete(f"{PATH}/{uid}"),
        await other_api.post(f"{PATH}/{uid}", performance_name="x", performance_date="2027-01-01"),
        await other_api.get(f"/api/v1/crm/fans/{fan_id}/events"),
        await other_api.post(f"/api/v1/crm/fans/{fan_id}/performances", performance_uid=uid),
        await other_api.post(f"/api/v1/crm/fans/{theirs}/performances", performance_uid=uid),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown")


async def test_changes_at_once_all_stay_and_none_brings_back_what_is_deleted(api: Api) -> None:
    always = {"performance_name": "Derby", "performance_date": "2027-07-03"}
    names = ("notes", "outlet", "vendor", "promoter", "city", "venue_name", "artist_name", "label_name")
    for _ in range(5):
        uid = await some_performance(api)
        values = {name: uuid.uuid4().hex for name in names}
        changes = (api.post(f"{PATH}/{uid}", **always, **{name: value}) for name, value in values.items())
        assert {answer.status_code for answer in await asyncio.gather(*changes)} == {200}
        one = await api.ok(await api.get(f"{PATH}/{uid}"))
        assert {name: one[name] for name in names} == values
        late = (api.post(f"{PATH}/{uid}", **always, notes="late") for _ in range(8))
        gone, *_ = await asyncio.gather(api.delete(f"{PATH}/{uid}"), *late)
        assert gone.status_code == 200
        assert (await api.get(f"{PATH}/{uid}")).status_code == 404


async def test_a_country_is_known_by_any_of_its_names(api: Api) -> None:
    uid = await some_performance(api, country_code="uk", province="British Columbia")
    one = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert (one["country_code"], one["province"]) == ("GB", "BC")
    answer = await api.post(PATH, performance_name="x", performance_date="2027-01-01", country_code="xx")
    assert [error["field"] for error in answer.json()["errors"]] == ["country_code"]


async def test_an_event_names_a_performance_that_is_there_or_none(api: Api, other_api: Api) -> None:
    show = {"performance_name": "Named by an event", "performance_date": "2026-07-03"}
    uid = await some_performance(api, **show)
    theirs = await some_performance(other_api, **show)
    idol = await api.ok(await api.post("/api/v1/idols", idol_name="Named by an event", idol_type="team"))
    event = {"idol_uid": idol["idol_uid"], "start_timestamp": "2026-07-03 20:30:00"}
    for wrong in (theirs, str(uuid.uuid4())):
        answer = await api.post("/api/v1/manage/idol_events", **event, performance_uid=wrong)
        assert answer.status_code == 422
        assert [each["field"] for each in answer.json()["errors"]] == ["performance_uid"]
    await api.ok(await api.post("/api/v1/manage/idol_events", **event, performance_uid=uid))
    await api.ok(await api.delete(f"{PATH}/{uid}"))
    (row,) = await api.ok(await api.public_get("/api/v1/idols/events", idol_uid=idol["idol_uid"]))
    assert row["performance_uid"] is None


async def test_an_event_is_written_beside_the_deletion_of_its_performance(api: Api) -> None:
    idol = await api.ok(await api.post("/api/v1/idols", idol_name="Beside a deletion", idol_type="team"))
    event = {"idol_uid": idol["idol_uid"], "start_timestamp": "2026-07-03 20:30:00"}
    for _ in range(8):
        uid = await some_performance(api, performance_name="Beside", performance_date="2026-07-03")
        created = await api.ok(await api.post("/api/v1/manage/idol_events", **event, performance_uid=uid))
        change = f"/api/v1/manage/idol_events/{created['event_uid']}"
        answers = await asyncio.gather(
            *(api.post(change, **event, performance_uid=uid) for _ in range(3)), api.delete(f"{PATH}/{uid}")
        )
        assert {answer.status_code for answer in answers[:-1]} <= {200, 422}
        assert answers[-1].status_code == 200
    rows = await api.ok(await api.public_get("/api/v1/idols/events", idol_uid=idol["idol_uid"]))
    assert {row["performance_uid"] for row in rows} == {None}
