"""Items of campaigns and the wagers placed on them: never more than there are."""

import asyncio
from typing import Any

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.campaigns.fans import some_fan

MANAGE = "/api/v1/manage/campaigns"
FIELDS = [
    "tab_item_id", "page_tab_id", "creation_date", "title", "subtitle", "description", "tag_id", "tag_name", "position",
    "active_date", "props", "inventory_count", "item_count", "item_group_name", "activation_timestamp", "price",
    "media_uid", "items_purchased", "latitude", "longitude", "media_map", "creation_timestamp",
    "wagers",
]  # fmt: skip


async def some_campaign(api: Api, title: str = "Wagers") -> int:
    created = await api.ok(await api.post(MANAGE, title=title, app_type="wager"))
    return int(created["page_tab_id"])


async def some_item(api: Api, page_tab_id: int, title: str = "Home wins", **extra: Any) -> int:
    created = await api.ok(await api.post(f"{MANAGE}/{page_tab_id}/items", title=title, **extra))
    return int(created["tab_item_id"])


async def entries(api: Api, page_tab_id: int, **query: Any) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = await api.ok(
        await api.get(f"/api/v1/campaigns/{page_tab_id}/wager_entries", **query)
    )
    return result


async def test_an_entry_shows_the_item_and_its_wagers(api: Api, db: Db) -> None:
    page_tab_id, fan_id = await some_campaign(api), await some_fan(db, api.account_id)
    values: dict[str, Any] = {
        "subtitle": "full time", "description": "d", "position": 3, "active_date": "2026-03-01", "props": {"odds": 2.5},
        "item_count": 10, "item_group_name": "results", "activation_timestamp": 1767261600, "price": 12.5,
        "media_uid": "5eedc0de-0000-4000-8000-000000000001", "latitude": 49.25, "longitude": -123.0,
        "media_map": {"a": "b"},
    }  # fmt: skip
    tab_item_id = await some_item(api, page_tab_id, **values)
    wager = {"tab_item_id": tab_item_id, "fan_id": fan_id}
    placed = await api.ok(
        await api.post(f"{MANAGE}/{page_tab_id}/wagers", **wager, item_count=4, point_count=40, field_side="home")
    )
    entry = (await entries(api, page_tab_id))[0]
    assert list(entry) == FIELDS
    assert {name: entry[name] for name in values} == values
    assert (entry["inventory_count"], entry["items_purchased"], entry["tag_name"]) == (6, 4, None)
    stamp = entry["wagers"][0].pop("creation_timestamp")
    assert isinstance(stamp, int)
    assert entry["wagers"] == [
        {
            "wager_id": placed["wager_id"],
            "fan_id": fan_id,
            "item_count": 4,
            "point_count": 40,
            "props": {"side": "home"},
        }
    ]
    rows = await api.ok(await api.get(f"/api/v1/campaigns/{page_tab_id}/detailed_stats", target="wager_points"))
    assert [(row["wager_id"], row["fan_id"], row["point_count"]) for row in rows] == [(placed["wager_id"], fan_id, 40)]


async def test_entries_are_found_by_text_and_day(api: Api, db: Db) -> None:
    page_tab_id = await some_campaign(api)
    dated = await some_item(api, page_tab_id, "Away wins", active_date="2026-03-01")
    result = await some_item(api, page_tab_id, "Draw", description="after EXTRA time")
    created = "update campaign_items set created_at = $2 where account_id = $1 and tab_item_id = $3"
    # Half past eleven at night on 28 February in Los Angeles.
    await db.execute(created.replace("$2", "'2026-03-01 07:30+00'").replace("$3", "$2"), api.account_id, result)

    async def search(**query: Any) -> list[int]:
        return [entry["tab_item_id"] for entry in await entries(api, page_tab_id, **query)]

    assert await search(q="extra") == [result]
    assert await search(q="WINS") == [dated]
    assert await search(start_date="2026-03-01", end_date="2026-03-01") == [dated]
    assert await search(end_date="2026-02-28") == [result]
    assert await search(start_date="2026-03-02") == []


async def test_wagers_are_read_by_pages_under_their_items(api: Api, db: Db) -> None:
    page_tab_id, fan_id = await some_campaign(api), await some_fan(db, api.account_id)
    first, second, nobodys = [await some_item(api, page_tab_id, title) for title in ("Home", "Away", "Draw")]
    placed = []
    for tab_item_id in (first, second, second, first, first):
        path, wager = f"{MANAGE}/{page_tab_id}/wagers", {"tab_item_id": tab_item_id, "fan_id": fan_id}
        placed.append((tab_item_id, (await api.ok(await api.post(path, **wager)))["wager_id"]))
    read, pages, expected = [], [], {"limit": "2"}
    while True:
        answer = await api.get(f"/api/v1/campaigns/{page_tab_id}/wager_entries", **expected)
        page = await api.ok(answer)
        pages.append([entry["tab_item_id"] for entry in page])
        read += sorted((wager["wager_id"], each["tab_item_id"]) for each in page for wager in each["wagers"])
        expected["cursor"] = answer.headers["X-Next-Cursor"]
        if 'rel="next"' not in answer.headers.get("Link", ""):
            break
    assert pages == [[first, second, nobodys], [first, second], [first]]
    assert [(tab_item_id, wager_id) for wager_id, tab_item_id in read] == placed
    # Whoever goes on later reads what came since, and of the items that were asked for.
    assert await entries(api, page_tab_id, **expected) == []
    await api.ok(await api.post(f"{MANAGE}/{page_tab_id}/wagers", tab_item_id=nobodys, fan_id=fan_id))
    assert [each["tab_item_id"] for each in await entries(api, page_tab_id, **expected)] == [nobodys]
    assert await entries(api, page_tab_id, **expected, q="home") == []


async def test_many_at_once_never_take_more_than_there_are(api: Api, db: Db) -> None:
    page_tab_id, fan_id = await some_campaign(api), await some_fan(db, api.account_id)
    tab_item_id = await some_item(api, page_tab_id, item_count=7)
    path, criteria = f"{MANAGE}/{page_tab_id}/wagers", {"tab_item_id": tab_item_id, "fan_id": fan_id, "item_count": 2}
    answers = await asyncio.gather(*[api.post(path, **criteria) for _ in range(12)])
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 9
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"item_sold_out"}
    entry = (await entries(api, page_tab_id))[0]
    assert (entry["inventory_count"], entry["items_purchased"], len(entry["wagers"])) == (1, 6, 3)
    fewer = await api.post(f"{MANAGE}/{page_tab_id}/items/{tab_item_id}", item_count=5)
    assert (fewer.status_code, fewer.json()["code"]) == (409, "item_taken")
    assert (await api.delete(f"{MANAGE}/{page_tab_id}/items/{tab_item_id}")).status_code == 409


async def test_items_change_and_go(api: Api) -> None:
    page_tab_id = await some_campaign(api)
    last = await some_item(api, page_tab_id, "Last", position=9)
    first = await some_item(api, page_tab_id, "First", position=-1, price="1.5", props={"a": 1})
    await api.ok(await api.post(f"{MANAGE}/{page_tab_id}/items/{first}", price="", subtitle="s", props=""))
    items = await api.ok(await api.get(f"{MANAGE}/{page_tab_id}/items"))
    assert [item["tab_item_id"] for item in items] == [first, last]
    assert (items[0]["price"], items[0]["subtitle"], items[0]["props"]) == (None, "s", {})
    display = await api.ok(await api.public_get(f"/api/v1/campaigns/{page_tab_id}", include_details="true"))
    assert [item["title"] for item in display["items"]] == ["First", "Last"]
    assert await api.ok(await api.delete(f"{MANAGE}/{page_tab_id}/items/{first}")) is True
    assert (await api.delete(f"{MANAGE}/{page_tab_id}/items/{first}")).status_code == 404


async def test_wrong_items_and_wagers_are_refused(api: Api, other_api: Api, db: Db) -> None:
    page_tab_id, fan_id = await some_campaign(api), await some_fan(db, api.account_id)
    tab_item_id = await some_item(api, page_tab_id)
    for wrong in ({"title": ""}, {"price": -1}, {"tag_id": 999}, {"item_count": -1}, {"latitude": 91}):
        refused = await api.post(f"{MANAGE}/{page_tab_id}/items/{tab_item_id}", **wrong)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, next(iter(wrong)))
    theirs = await some_fan(db, other_api.account_id)
    path = f"{MANAGE}/{page_tab_id}/wagers"
    assert (await api.post(path, tab_item_id=tab_item_id, fan_id=theirs)).json()["errors"][0]["field"] == "fan_id"
    assert (await api.post(path, tab_item_id=tab_item_id + 999, fan_id=fan_id)).status_code == 404
    assert (await api.post(path, tab_item_id=tab_item_id, fan_id=fan_id, item_count=0)).status_code == 422
    assert (await other_api.post(path, tab_item_id=tab_item_id, fan_id=theirs)).status_code == 404
    assert (await other_api.post(f"{MANAGE}/{page_tab_id}/items", title="Mine")).status_code == 404
    assert (await other_api.post(f"{MANAGE}/{page_tab_id}/items/{tab_item_id}", title="Mine")).status_code == 404
    assert (await other_api.get(f"{MANAGE}/{page_tab_id}/items")).status_code == 404
    assert (await other_api.get(f"/api/v1/campaigns/{page_tab_id}/wager_entries")).status_code == 404
