"""Campaigns: created, changed, closed, and shown to everyone without anything personal."""

import asyncio
from importlib.resources import files
from typing import Any

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.campaigns.fans import some_fan

MANAGE = "/api/v1/manage/campaigns"
FIELDS = [
    "page_tab_id", "name", "app_type", "creation_timestamp", "live_status", "business_id", "is_scheduled", "is_active",
    "media_map", "timezone", "props", "locale_props", "style_props", "links_map",
]  # fmt: skip


async def create(api: Api, title: str, **extra: Any) -> int:
    created = await api.ok(await api.post(MANAGE, title=title, **extra))
    return int(created["page_tab_id"])


async def test_a_campaign_is_shown_as_it_was_made(api: Api) -> None:
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="North"))
    values = {
        "app_type": "quiz", "is_scheduled": True, "live_status": "soon", "timezone": "Europe/Paris",
        "media_map": {"logo": {"url": "https://north.example/l.png"}}, "props": {"rounds": [1, 2]},
        "locale_props": {"fr": {"title": "Jeu"}}, "style_props": {"color": "#fff"}, "links_map": {"rules": "/r"},
        **business,
    }  # fmt: skip
    page_tab_id = await create(api, "Shown", **values, start_timestamp="2026-01-01 10:00:00", stream_key="wall")
    display = await api.ok(await api.public_get(f"/api/v1/campaigns/{page_tab_id}"))
    assert {name: display[name] for name in values} == values
    assert (display["name"], display["is_active"], display["items"]) == ("Shown", True, None)
    assert (display["start_timestamp"], display["end_timestamp"], display["stream_key"]) == (1767261600, None, "wall")
    assert await api.ok(await api.public_get(f"/api/v1/campaigns/{page_tab_id}/props")) == {"rounds": [1, 2]}
    listed = await api.ok(await api.public_get("/api/v1/campaigns"))
    assert list(listed[-1]) == FIELDS
    assert listed[-1] == {name: display[name] for name in FIELDS}


async def test_the_list_is_narrowed(api: Api) -> None:
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="West"))
    first = await create(api, "Narrow one", app_type="narrow", **business)
    second = await create(api, "Narrow two", app_type="narrow", is_scheduled=True)

    async def search(**query: Any) -> list[int]:
        rows = await api.ok(await api.public_get("/api/v1/campaigns", **query))
        return [row["page_tab_id"] for row in rows]

    assert await search(app_type="narrow") == await search(app_type="NÁRROW") == [first, second]
    assert await search(app_type="narrow", is_scheduled="on") == [second]
    assert await search(app_type="narrow", is_scheduled="false") == [first]
    assert await search(**business) == [first]
    assert await search(app_type="none such") == []
    rows = await api.ok(await api.get("/api/v1/crm/campaigns", q="ROW T"))
    assert [row["page_tab_id"] for row in rows] == [second]
    assert await api.ok(await api.get("/api/v1/crm/campaigns", q="%")) == []


async def test_a_poller_is_told_that_nothing_changed(api: Api) -> None:
    page_tab_id, etag = await create(api, "Polled"), ""
    for path in ("/api/v1/campaigns", f"/api/v1/campaigns/{page_tab_id}", f"/api/v1/campaigns/{page_tab_id}/props"):
        etag = (await api.public_get(path)).headers["etag"]
        again = await api.client.get(path, headers={"Api-Key": api.keys["Api-Key"], "If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")
    await api.ok(await api.post(f"{MANAGE}/{page_tab_id}", props={"a": 1}))
    again = await api.client.get(path, headers={"Api-Key": api.keys["Api-Key"], "If-None-Match": etag})
    assert again.json() == {"a": 1}


async def test_only_given_fields_change(api: Api, db: Db) -> None:
    page_tab_id = await create(api, "Before", live_status="soon", props={"a": 1}, end_timestamp=1767261600)
    await api.ok(await api.post(f"{MANAGE}/{page_tab_id}", title="After", live_status="", props="", end_timestamp=""))
    display = await api.ok(await api.public_get(f"/api/v1/campaigns/{page_tab_id}"))
    assert (display["name"], display["live_status"], display["props"], display["end_timestamp"]) == (
        "After",
        None,
        {},
        None,
    )
    assert (display["app_type"], display["is_active"]) == ("custom", True)
    result = await db.row(
        "select topic, data from changes where account_id = $1 order by position desc limit 1", api.account_id
    )
    assert result is not None
    assert result["topic"] == "campaign.updated"
    assert sorted(result["data"]["fields"]) == ["end_timestamp", "live_status", "props", "title"]


async def test_changes_of_different_fields_at_once_all_stay(api: Api) -> None:
    page_tab_id = await create(api, "Contended")
    path = f"{MANAGE}/{page_tab_id}"
    for turn in range(15):
        await asyncio.gather(
            api.post(path, live_status=f"s{turn}"), api.post(path, stream_key=f"k{turn}"),
            api.post(path, props={"turn": turn}), api.post(path, is_active=turn % 2 == 0),
        )  # fmt: skip
        display = await api.ok(await api.public_get(f"/api/v1/campaigns/{page_tab_id}"))
        observed = (display["live_status"], display["stream_key"], display["props"], display["is_active"])
        assert observed == (f"s{turn}", f"k{turn}", {"turn": turn}, turn % 2 == 0)


async def test_wrong_campaigns_are_refused(api: Api, other_api: Api) -> None:
    page_tab_id = await create(api, "Title taken")
    used = await api.post(MANAGE, title="title TAKEN")
    assert (used.status_code, used.json()["code"]) == (409, "campaign_title_taken")
    assert await create(api, "title taken", app_type="quiz") > page_tab_id
    second = await create(api, "Another")
    assert (await api.post(f"{MANAGE}/{second}", title="Title Taken")).status_code == 409
    for wrong in (
        {"title": ""},
        {"is_active": ""},
        {"business_id": 999},
        {"timezone": "Mars"},
        {"page_tab_ids": [999]},
    ):
        refused = await api.post(f"{MANAGE}/{page_tab_id}", **wrong)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, next(iter(wrong)))
    assert (await api.post(f"{MANAGE}/{page_tab_id}", page_tab_ids=[page_tab_id])).status_code == 422
    theirs = await create(other_api, "Theirs")
    assert (await api.post(f"{MANAGE}/{page_tab_id}", page_tab_ids=[theirs])).status_code == 422
    assert (await api.post(f"{MANAGE}/{theirs}", title="Mine")).status_code == 404
    for path in (f"/api/v1/campaigns/{theirs}", f"/api/v1/campaigns/{theirs}/props"):
        assert (await api.public_get(path)).status_code == 404


async def test_a_title_is_unique_however_custom_is_written(api: Api) -> None:
    await api.ok(await api.post(MANAGE, title="Written Twice", app_type="Custom"))
    answer = await api.post(MANAGE, title="written twice", app_type=" CUSTOM ")
    assert (answer.status_code, answer.json()["code"]) == (409, "campaign_title_taken")
    quiz = (await api.ok(await api.post(MANAGE, title="Written twice", app_type="Quiz")))["page_tab_id"]
    assert (await api.post(f"{MANAGE}/{quiz}", app_type="cUSTOM")).status_code == 409


async def test_campaigns_that_were_stored_as_custom_in_other_cases_are_custom(other_api: Api, db: Db) -> None:
    rows = [("Derby", "custom"), ("derby", "Custom"), ("Final", "CUSTOM"), ("final", "Custom"), ("Derby", "Quiz")]
    await db.executemany(
        "insert into campaigns (account_id, title, app_type, created_at, updated_at) values ($1, $2, $3, now(), now())",
        [(other_api.account_id, *row) for row in rows],
    )
    old = await db.value("select max(page_tab_id) from campaigns") - len(rows)
    await db.execute((files("fanfare.migrations") / "0059_custom_campaigns.sql").read_text())
    campaign_rows = await db.rows(
        "select title, app_type, page_tab_id from campaigns where account_id = $1 and page_tab_id > $2"
        " order by page_tab_id",
        other_api.account_id,
        old,
    )
    ids = [row["page_tab_id"] for row in campaign_rows]
    assert [(row["title"], row["app_type"]) for row in campaign_rows] == [
        ("Derby", "custom"), (f"derby ({ids[1]})", "custom"), ("Final", "custom"), (f"final ({ids[3]})", "custom"),
        ("Derby", "Quiz"),
    ]  # fmt: skip


async def test_a_refused_bundle_leaves_nothing(api: Api) -> None:
    assert (await api.post(MANAGE, title="Half a bundle", page_tab_ids=[999])).status_code == 422
    assert await api.ok(await api.get("/api/v1/crm/campaigns", q="Half a bundle")) == []


async def test_closing_names_one_winner_for_good(api: Api, other_api: Api, db: Db) -> None:
    page_tab_id = await create(api, "Closed")
    path = f"{MANAGE}/{page_tab_id}/close"
    fan_id, second = await some_fan(db, api.account_id), await some_fan(db, api.account_id)
    theirs = await some_fan(db, other_api.account_id)
    assert (await api.post(path, winner_fan_id=theirs)).status_code == 422
    await api.ok(await api.post(path))
    await api.ok(await api.post(path, winner_fan_id=fan_id))
    await api.ok(await api.post(path, winner_fan_id=fan_id))
    refused = await api.post(path, winner_fan_id=second)
    assert (refused.status_code, refused.json()["code"]) == (409, "campaign_closed")
    row = (await api.ok(await api.get("/api/v1/crm/campaigns", q="Closed")))[0]
    assert (row["is_active"], row["winner_fan_id"]) == (False, fan_id)
    closings = "select count(*) from changes where account_id = $1 and topic = 'campaign.closed' and subject_id = $2"
    assert await db.value(closings, api.account_id, str(page_tab_id)) == 2


async def test_the_public_never_sees_the_winner(api: Api, db: Db) -> None:
    page_tab_id = await create(api, "Won")
    fan_id = await some_fan(db, api.account_id)
    await api.ok(await api.post(f"{MANAGE}/{page_tab_id}/close", winner_fan_id=fan_id))
    for path in ("/api/v1/campaigns", f"/api/v1/campaigns/{page_tab_id}"):
        assert "winner" not in (await api.public_get(path)).text


async def test_managing_needs_the_secret(api: Api) -> None:
    assert (await api.public_post(MANAGE, title="No secret")).status_code == 403
