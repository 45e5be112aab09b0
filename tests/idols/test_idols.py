"""Idols, their events, and the fans who follow them."""

import asyncio
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api


async def some_idol(api: Api, name: str, **extra: Any) -> str:
    created = await api.ok(await api.post("/api/v1/idols", idol_name=name, **extra))
    return str(created["idol_uid"])


async def some_fan(db: Db, account_id: int) -> int:
    fan_id: int = await db.value(
        "insert into fans (account_id, created_at, updated_at, position)"
        " values ($1, now(), now(), nextval('positions')) returning fan_id",
        account_id,
    )
    return fan_id


async def test_an_idol_is_found_by_name_and_label(api: Api) -> None:
    idol_uid = await some_idol(api, "The 100% Harbour_Lights", label_names=["indie", "rock"])
    await some_idol(api, "Somebody else")
    for question in ({"idol_name": "100% harbour"}, {"idol_name": "the*lights"}, {"label_name": "Indie"}):
        result = await api.ok(await api.public_get("/api/v1/idols", **question))
        assert [idol["idol_uid"] for idol in result] == [idol_uid], question
    assert await api.ok(await api.public_get("/api/v1/idols", idol_name="harbour%")) == []
    one = await api.ok(await api.public_get(f"/api/v1/idols/{idol_uid}"))
    assert one["idol_labels"] == ["indie", "rock"]
    assert one["idol_type"] == "other"


@pytest.mark.parametrize(
    "values", [{"idol_type": "artist"}, {"idol_type": "team", "spotify_uid": "abc"}], ids=["artist", "team"]
)
async def test_a_spotify_id_is_for_artists(api: Api, values: dict[str, str]) -> None:
    answer = await api.post("/api/v1/idols", idol_name="Wrong", **values)
    assert [error["field"] for error in answer.json()["errors"]] == ["spotify_uid"]


async def test_a_name_is_taken_once(api: Api) -> None:
    await some_idol(api, "Once", spotify_uid="s1")
    assert (await api.post("/api/v1/idols", idol_name="ONCE")).json()["code"] == "idol_name_taken"


async def test_an_idol_is_changed_and_deleted(api: Api) -> None:
    idol_uid = await some_idol(api, "Before", label_names=["a", "b"])
    await api.ok(await api.post(f"/api/v1/manage/idols/{idol_uid}", idol_name="After", label_names=["b", "c"]))
    one = await api.ok(await api.public_get(f"/api/v1/idols/{idol_uid}"))
    assert (one["idol_name"], one["idol_labels"]) == ("After", ["b", "c"])
    await api.ok(await api.post(f"/api/v1/manage/idols/{idol_uid}", description="kept labels"))
    assert (await api.ok(await api.public_get(f"/api/v1/idols/{idol_uid}")))["idol_labels"] == ["b", "c"]
    await api.ok(await api.delete(f"/api/v1/manage/idols/{idol_uid}"))
    assert (await api.public_get(f"/api/v1/idols/{idol_uid}")).status_code == 404


async def test_events_keep_the_time_of_the_venue(api: Api) -> None:
    idol_uid = await some_idol(api, "Scheduled", image_url="https://example.com/i.png")
    show = {"performance_name": "Harbour nights", "performance_date": "2027-07-03"}
    performance_uid = (await api.ok(await api.post("/api/v1/performances", **show)))["performance_uid"]
    created = await api.ok(
        await api.post(
            "/api/v1/manage/idol_events",
            idol_uid=idol_uid,
            performance_uid=performance_uid,
            start_timestamp="2027-07-03 20:30:00",
            end_timestamp="2027-07-03T22:00",
            venue_name="Harbour Park",
            label_name="main",
        )
    )
    for question in (
        {"performance_uid": performance_uid},
        {"idol_uid": idol_uid, "start_date": "2027-07-03", "end_date": "2027-07-03"},
        {"q": "harbour", "label_name": "MAIN"},
    ):
        (row,) = await api.ok(await api.public_get("/api/v1/idols/events", **question))
        assert row["event_uid"] == row["idol_event_uid"] == created["event_uid"]
        assert (row["start_timestamp"], row["end_timestamp"]) == ("2027-07-03 20:30:00", "2027-07-03 22:00:00")
        assert (row["start_date"], row["start_time"], row["end_time"]) == ("2027-07-03", "20:30", "22:00")
        assert row["idol_image_url"] == "https://example.com/i.png"
        assert row["is_available"] is True
    assert await api.ok(await api.public_get("/api/v1/idols/events", idol_uid=idol_uid, end_date="2027-07-02")) == []


async def test_a_poller_gets_304_until_something_changes(api: Api) -> None:
    idol_uid = await some_idol(api, "Polled")
    first = await api.public_get("/api/v1/idols/events", idol_uid=idol_uid)
    keys = {"Api-Key": api.keys["Api-Key"], "If-None-Match": first.headers["etag"]}
    path = f"/api/v1/idols/events?idol_uid={idol_uid}"
    assert (await api.client.get(path, headers=keys)).status_code == 304
    payload = {"idol_uid": idol_uid, "start_timestamp": "2027-01-01 10:00"}
    created = await api.ok(await api.post("/api/v1/manage/idol_events", **payload))
    assert (await api.client.get(path, headers=keys)).status_code == 200
    updated = {**payload, "start_timestamp": "2027-01-02 10:00", "is_available": False}
    await api.ok(await api.post(f"/api/v1/manage/idol_events/{created['event_uid']}", **updated))
    (row,) = (await api.client.get(path, headers=keys)).json()
    assert (row["start_date"], row["is_available"]) == ("2027-01-02", False)
    await api.ok(await api.delete(f"/api/v1/manage/idol_events/{created['event_uid']}"))
    assert (await api.client.get(path, headers=keys)).status_code == 304


async def test_an_event_must_not_end_before_it_starts(api: Api) -> None:
    idol_uid = await some_idol(api, "Backwards")
    answer = await api.post(
        "/api/v1/manage/idol_events",
        idol_uid=idol_uid,
        start_timestamp="2027-01-02 10:00",
        end_timestamp="2027-01-01 10:00",
    )
    assert [error["field"] for error in answer.json()["errors"]] == ["end_timestamp"]


async def test_a_fan_follows_and_leaves(api: Api, db: Db) -> None:
    idol_uid = await some_idol(api, "Followed", label_names=["team"])
    fan_id = await some_fan(db, api.account_id)
    path = f"/api/v1/crm/fans/{fan_id}/idols"
    saved = await api.ok(await api.post(path, action="add", idol_name="followed", is_explicit=False))
    assert saved == {"fan_id": fan_id, "idol_uid": idol_uid}
    await api.ok(await api.post(path, action="add", idol_uid=idol_uid))
    await api.ok(await api.post(path, action="add", idol_uid=idol_uid, is_explicit=False))
    (row,) = await api.ok(await api.get(path, label_name="team"))
    assert (row["idol_uid"], row["is_explicit"], row["idol_labels"]) == (idol_uid, True, ["team"])
    assert await api.ok(await api.delete("/api/v1/crm/idol_fans", fan_id=fan_id, idol_uid=idol_uid)) is True
    assert (await api.delete("/api/v1/crm/idol_fans", fan_id=fan_id, idol_uid=idol_uid)).status_code == 404
    assert await api.ok(await api.get(path)) == []
    topics = await db.rows(
        "select topic from changes where account_id = $1 and fan_id = $2 order by position", api.account_id, fan_id
    )
    assert [row["topic"] for row in topics] == ["fan_idol.added", "fan_idol.added", "fan_idol.removed"]


async def test_other_accounts_see_nothing(api: Api, other_api: Api, db: Db) -> None:
    idol_uid = await some_idol(api, "Ours")
    fan_id = await some_fan(db, api.account_id)
    assert (await other_api.public_get(f"/api/v1/idols/{idol_uid}")).status_code == 404
    assert await other_api.ok(await other_api.public_get("/api/v1/idols")) == []
    path = f"/api/v1/crm/fans/{fan_id}/idols"
    assert (await other_api.post(path, action="add", idol_uid=idol_uid)).status_code == 404
    assert (await other_api.get(path)).status_code == 404
    event = {"idol_uid": idol_uid, "start_timestamp": "2027-01-01 10:00"}
    assert (await other_api.post("/api/v1/manage/idol_events", **event)).status_code == 404


async def test_an_event_deleted_meanwhile_does_not_come_back_and_its_country_has_one_code(api: Api) -> None:
    idol_uid = await some_idol(api, "Deleted meanwhile")
    values = {"idol_uid": idol_uid, "start_timestamp": "2027-01-02 10:00", "country_code": "Deutschland"}
    for _ in range(5):
        created = await api.ok(await api.post("/api/v1/manage/idol_events", **values))
        (row,) = await api.ok(await api.get("/api/v1/idols/events", idol_uid=idol_uid))
        assert row["country_code"] == "DE"
        path = f"/api/v1/manage/idol_events/{created['event_uid']}"
        gone, *_ = await asyncio.gather(api.delete(path), *(api.post(path, **values) for _ in range(8)))
        assert gone.status_code == 200
        assert await api.ok(await api.get("/api/v1/idols/events", idol_uid=idol_uid)) == []
