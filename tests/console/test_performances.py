"""Pages of performances, quests, rewards and portals over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


async def performance_with(api: Api, **values: Any) -> tuple[str, str, int]:
    """Make a performance with a reward that a fan claimed; return its uid, the reward's, and the claim's id."""
    fields = {"performance_name": "Harbour night", "performance_date": "2199-07-03", **values}
    uid = (await api.ok(await api.post("/api/v1/performances", **fields)))["performance_uid"]
    reward = {"reward_title": "Scarf", "reward_type": "custom", "fan_points_required": 0, "stock": 2}
    reward_uid = (await api.ok(await api.post(f"/api/v1/performances/{uid}/rewards", **reward)))["reward_uid"]
    fan = (await api.ok(await api.post("/api/v1/crm/fans", email="zoe@example.com", first_name="Zoe")))["fan_id"]
    claim = await api.ok(await api.post(f"/api/v1/manage/fans/{fan}/rewards/{reward_uid}/claim"))
    return uid, reward_uid, claim["reward_claim_id"]


async def test_made_with_a_quest_and_a_reward(client: httpx.AsyncClient, api: Api) -> None:
    root = f"/manage/{api.account_id}/performances"
    answer = await send(
        client, f"{root}/new", performance_name="Open air", performance_date="2199-07-03", status="ready"
    )
    path = answer.headers["location"]
    quest = {"quest_title": "Sponsor", "quest_type": "link", "link_url": "https://sponsor.example"}
    assert (await send(client, path, f"{path}/quests", **quest, scan_group_names="")).status_code == 303
    reward = {"reward_title": "Pin", "reward_type": "custom", "fan_points_required": "10", "code_type": "uploaded"}
    assert (await send(client, path, f"{path}/rewards", **reward, claim_limit="1", stock="")).status_code == 303
    uid = path.rpartition("/")[2]
    quests = await api.ok(await api.get(f"/api/v1/performances/{uid}/quests"))
    assert "Nobody has completed it yet" in (await client.get(f"{path}/quests/{quests[0]['page_tab_id']}")).text
    rewards = await api.ok(await api.get(f"/api/v1/performances/{uid}/rewards"))
    reward_path = f"{path}/rewards/{rewards[0]['reward_uid']}"
    await send(client, reward_path, f"{reward_path}/codes", code_lines="A-1\nA-2\n\nA-1")
    assert (await api.ok(await api.get(f"/api/v1/performances/{uid}/rewards")))[0]["available_count"] == 2
    listed = (await client.get(root)).text
    assert "Open air" in listed
    assert "Open air" not in (await client.get(f"{root}?time=past")).text


async def test_a_claim_is_undone_under_its_own_reward(client: httpx.AsyncClient, api: Api) -> None:
    uid, reward_uid, claim_id = await performance_with(api)
    other, other_reward, _ = await performance_with(api)
    root = f"/manage/{api.account_id}/performances"
    path = f"{root}/{uid}/rewards/{reward_uid}"
    assert "Zoe" in (await client.get(path)).text
    wrong = await send(client, path, f"{root}/{other}/rewards/{other_reward}/claims/{claim_id}/undo")
    assert wrong.status_code == 404
    assert (await send(client, path, f"{path}/claims/{claim_id}/undo")).status_code == 303
    rewards = await api.ok(await api.get(f"/api/v1/performances/{uid}/rewards"))
    assert rewards[0]["claim_count"] == 0
    assert "undone" in (await client.get(path)).text


async def test_masks_and_limits(base_url: str, db: Db, api: Api) -> None:
    business = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Club")))["business_id"]
    ours, reward_uid, _ = await performance_with(api, business_id=business)
    theirs, their_reward, _ = await performance_with(api, performance_name="Theirs")
    root = f"/manage/{api.account_id}/performances"
    async with signed_in(base_url, db, api.account_id, "analyst") as client:
        assert "Zoe" not in (await client.get(f"{root}/{ours}/rewards/{reward_uid}")).text
    async with signed_in(base_url, db, api.account_id, business_ids=[business]) as client:
        listed = (await client.get(root)).text
        assert (ours in listed, theirs in listed) == (True, False)
        assert (await client.get(f"{root}/{ours}/edit")).status_code == 200
        for rest in ("", "/edit", f"/rewards/{their_reward}"):
            assert (await client.get(f"{root}/{theirs}{rest}")).status_code == 404


async def test_a_portal_keeps_its_password(client: httpx.AsyncClient, api: Api) -> None:
    root = f"/manage/{api.account_id}/portals"
    fields = {"portal_name": "Promoters", "performance_group_name": "Summer"}
    await send(client, root, **fields, password="correct horse")
    portal = (await api.ok(await api.get("/api/v1/portals")))[0]
    await send(client, f"{root}/{portal['portal_uid']}", **{**fields, "portal_name": "Others"}, password="")
    portal = (await api.ok(await api.get("/api/v1/portals")))[0]
    assert (portal["portal_name"], bool(portal["password"])) == ("Others", True)


async def test_an_empty_field_is_cleared(client: httpx.AsyncClient, api: Api) -> None:
    new = {
        "performance_name": "Derby",
        "performance_date": "2027-05-01",
        "venue_name": "Harbour Hall",
        "promoter": "Ada",
    }
    uid = (await api.ok(await api.post("/api/v1/performances", **new)))["performance_uid"]
    page = f"/manage/{api.account_id}/performances/{uid}/edit"
    fields = {"performance_name": "Derby", "performance_date": "2027-05-01", "status": "ready", "venue_name": ""}
    assert (await send(client, page, **fields)).status_code == 303
    one = await api.ok(await api.get(f"/api/v1/performances/{uid}"))
    assert (one["venue_name"], one["promoter"], one["status"]) == (None, "Ada", "ready")
    await api.ok(await api.post(f"/api/v1/performances/{uid}", **new, fields_to_clear=["promoter"]))
    assert (await api.ok(await api.get(f"/api/v1/performances/{uid}")))["promoter"] == "Ada"
