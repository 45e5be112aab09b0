"""People of a business do not get what belongs to others by naming it in something of their own."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in
from tests.draws.entries import enter
from tests.registrations.gates import some_passes


@pytest.fixture(scope="module")
async def business_id(api: Api) -> int:
    created = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Club"))
    return int(created["business_id"])


@pytest.fixture
async def client(base_url: str, db: Db, api: Api, business_id: int) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id, "editor", business_ids=[business_id]) as client:
        yield client


@pytest.fixture(scope="module")
async def fan_ids(api: Api, business_id: int) -> tuple[int, int]:
    """One's own fan, who entered a campaign of the business, and a stranger."""
    await campaign(api, title="Our quiz", business_id=business_id)
    club_fan_id = (await enter(api, "Our quiz", "own"))["fan_id"]
    new = {"email": "zacharias@example.com", "first_name": "Zacharias", "last_name": "Castle"}
    return club_fan_id, (await api.ok(await api.post("/api/v1/crm/fans", **new)))["fan_id"]


async def campaign(api: Api, **fields: Any) -> int:
    """Create a campaign and return its id."""
    created = await api.ok(await api.post("/api/v1/manage/campaigns", **{"app_type": "custom", **fields}))
    return int(created["page_tab_id"])


async def test_a_stranger_does_not_win(
    client: httpx.AsyncClient, api: Api, business_id: int, fan_ids: tuple[int, int]
) -> None:
    page_tab_id = await campaign(api, title="Raffle", business_id=business_id)
    path = f"/manage/{api.account_id}/campaigns/{page_tab_id}"
    club_fan_id, stranger = fan_ids
    assert (await send(client, path, f"{path}/close", winner_fan_id=str(stranger))).status_code == 404
    assert "Zacharias" not in (await client.get(path)).text
    assert (await send(client, path, f"{path}/close", winner_fan_id=str(club_fan_id))).status_code == 303


async def test_a_stranger_gets_no_pass(
    client: httpx.AsyncClient, api: Api, business_id: int, fan_ids: tuple[int, int]
) -> None:
    page_tab_id = await campaign(api, title="Passes", business_id=business_id)
    [one] = await some_passes(api, page_tab_id)
    path = f"/manage/{api.account_id}/passes/{page_tab_id}/{one['pass_uid']}"
    club_fan_id, stranger = fan_ids
    assert (await send(client, path, f"{path}/hand_over", fan_id=str(stranger))).status_code == 404
    assert (await client.get(f"/manage/{api.account_id}/fans/{stranger}")).status_code == 404
    assert (await send(client, path, f"{path}/hand_over", fan_id=str(club_fan_id))).status_code == 303
    assert "The fan holds the pass." in (await client.get(path)).text


async def test_why_a_stranger_is_in_a_segment_is_not_told(
    client: httpx.AsyncClient, api: Api, fan_ids: tuple[int, int]
) -> None:
    tag = await api.ok(await api.post("/api/v1/manage/tags", tag_name="Members"))
    path = f"/manage/{api.account_id}/segments/tag/{tag['tag_id']}/why"
    club_fan_id, stranger = fan_ids
    assert (await client.get(f"{path}?fan_id={club_fan_id}")).status_code == 200
    assert (await client.get(f"{path}?fan_id={stranger}")).status_code == 404


async def test_a_stream_of_others_is_not_named_in_a_campaign(
    client: httpx.AsyncClient, base_url: str, db: Db, api: Api, business_id: int
) -> None:
    club_key, other_key = [
        (await api.ok(await api.post("/api/v1/manage/streams", stream_name=name)))["stream_key"]
        for name in ("Ours", "Theirs")
    ]
    page_tab_id = await campaign(api, title="Wall", business_id=business_id, stream_key=club_key, app_type="quiz")
    root = f"/manage/{api.account_id}"
    fields = {"title": "Wall", "app_type": "quiz", "business_id": str(business_id)}
    for page in (f"{root}/campaigns/new?app_type=quiz", f"{root}/campaigns/{page_tab_id}/edit"):
        answer = await send(client, page, **fields, stream_key=other_key)
        assert answer.status_code == 422
        assert "must be one of your streams" in answer.text
        assert (await client.get(f"{root}/streams/{other_key}")).status_code == 404
        assert (await send(client, page, **fields, stream_key=club_key)).status_code == 303
    async with signed_in(base_url, db, api.account_id) as everybody:
        path = f"{root}/campaigns/{page_tab_id}/edit"
        assert (await send(everybody, path, **fields, stream_key=other_key)).status_code == 303
        assert (await send(everybody, path, **fields, stream_key="nothing")).status_code == 422


async def test_a_campaign_of_others_is_no_source_and_no_quest(
    client: httpx.AsyncClient, api: Api, business_id: int
) -> None:
    other_id = await campaign(api, title="Theirs")
    stream_key = (await api.ok(await api.post("/api/v1/manage/streams", stream_name="Ours")))["stream_key"]
    club_id = await campaign(api, title="Ours", business_id=business_id, stream_key=stream_key)
    stream = f"/manage/{api.account_id}/streams/{stream_key}/sources"
    source = {"source_kind": "form", "caption_field": "text"}
    performance = {"performance_name": "Night", "performance_date": "2199-07-03", "business_id": business_id}
    uid = (await api.ok(await api.post("/api/v1/performances", **performance)))["performance_uid"]
    path = f"/manage/{api.account_id}/performances/{uid}"
    quest = {"quest_title": "Take part", "quest_type": "campaign"}
    for page_tab_id, status in ((other_id, 404), (club_id, 303)):
        target = str(page_tab_id)
        assert (await send(client, stream, **source, page_tab_id=target)).status_code == status
        assert (await send(client, path, f"{path}/quests", **quest, target_page_tab_id=target)).status_code == status
