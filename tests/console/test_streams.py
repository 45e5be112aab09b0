"""Pages of streams over HTTP: moderation by forms, undone, in bulk, within the limits of a person."""

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


async def stream_with(api: Api, *captions: str) -> tuple[str, list[int]]:
    """Make a moderated stream in which records wait, and return its key and their ids."""
    stream_key = (await api.ok(await api.post("/api/v1/manage/streams", stream_name="Match day")))["stream_key"]
    ids = []
    for caption in captions:
        record = {"email": f"{caption.split()[0].lower()}@example.com", "name": "Zoe Castle", "caption": caption}
        saved = await api.ok(await api.public_post(f"/api/v1/streams/{stream_key}/records", **record))
        ids.append(saved["feed_record_id"])
    return stream_key, ids


async def statuses(api: Api, stream_key: str) -> list[str]:
    rows = await api.ok(await api.get(f"/api/v1/manage/streams/{stream_key}/records"))
    return [row["record_status"] for row in rows]


async def test_a_record_is_approved_and_that_is_undone(client: httpx.AsyncClient, api: Api) -> None:
    stream_key, ids = await stream_with(api, "What a goal", "Great night")
    path = f"/manage/{api.account_id}/streams/{stream_key}"
    page = await client.get(path)
    assert "What a goal" in page.text
    answer = await send(client, path, f"{path}/records/{ids[0]}", action="approve", next=path)
    assert answer.headers["location"] == f"{path}?last={ids[0]}&last_status=waiting"
    assert await statuses(api, stream_key) == ["approved", "waiting"]
    after = await client.get(answer.headers["location"])
    assert "What a goal" not in after.text
    assert 'value="wait"' in after.text
    await send(client, path, f"{path}/records/{ids[0]}", action="wait", next=path)
    assert await statuses(api, stream_key) == ["waiting", "waiting"]
    foreign = await send(client, path, f"{path}/records/{ids[0]}", action="remove", next="//evil.example.com")
    assert foreign.headers["location"].startswith(f"{path}?last=")


async def test_many_at_once_and_labels(client: httpx.AsyncClient, api: Api) -> None:
    stream_key, ids = await stream_with(api, "One", "Two", "Three")
    path = f"/manage/{api.account_id}/streams/{stream_key}"
    await send(client, path, f"{path}/moderate", action="approve", feed_record_ids=[str(each) for each in ids[:2]])
    assert await statuses(api, stream_key) == ["approved", "approved", "waiting"]
    await send(client, path, f"{path}/moderate", action="label", label_key="Best", feed_record_ids=[str(ids[0])])
    page = await client.get(f"{path}?record_status=approved&label_key=best")
    assert ">One<" in page.text
    assert ">Two<" not in page.text
    nothing = await send(client, path, f"{path}/moderate", action="approve")
    assert nothing.status_code == 303
    assert "No record was changed" in (await client.get(nothing.headers["location"])).text


async def test_an_author_is_blocked_and_a_source_switched(client: httpx.AsyncClient, api: Api) -> None:
    stream_key, ids = await stream_with(api, "Spam")
    path = f"/manage/{api.account_id}/streams/{stream_key}"
    authors: list[Any] = await api.ok(await api.get(f"/api/v1/manage/streams/{stream_key}/authors"))
    await send(client, path, f"{path}/authors/{authors[0]['author_id']}", author_status="blocked")
    assert await statuses(api, stream_key) == ["removed"]
    assert "Zoe Castle" in (await client.get(f"{path}/authors?author_status=blocked")).text
    answer = await send(client, f"{path}/sources", source_kind="mastodon", url="https://mastodon.example.com")
    assert answer.status_code == 422
    await send(client, f"{path}/sources", source_kind="feed", url="https://news.example.com/feed.xml")
    source = (await api.ok(await api.get(f"/api/v1/manage/streams/{stream_key}/sources")))[0]
    await send(client, f"{path}/sources", f"{path}/sources/{source['source_id']}")
    source = (await api.ok(await api.get(f"/api/v1/manage/streams/{stream_key}/sources")))[0]
    assert source["is_enabled"] is False
    settings = {"stream_name": "Wall", "trust_level": "open", "is_public": "true", "record_limit": "20"}
    await send(client, f"{path}/settings", **settings, author_limit="5", css_text="a { color: red }")
    page = await client.get(f"{path}/settings")
    assert f"/streams/{stream_key}/stream_widget" in page.text
    assert ids


async def test_nobody_without_personal_data_reads_names(base_url: str, db: Db, api: Api) -> None:
    stream_key, ids = await stream_with(api, "Zoe was here")
    path = f"/manage/{api.account_id}/streams/{stream_key}"
    async with signed_in(base_url, db, api.account_id, "analyst") as client:
        for rest in ("", "/authors", f"/records/{ids[0]}", "/figures"):
            page = await client.get(path + rest)
            assert page.status_code == 200
            assert "Castle" not in page.text
        assert "was here" not in (await client.get(path)).text


async def test_people_of_a_business_see_streams_of_its_campaigns(base_url: str, db: Db, api: Api) -> None:
    business = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Club")))["business_id"]
    ours, _ = await stream_with(api, "Ours")
    theirs, ids = await stream_with(api, "Theirs")
    campaign = {"title": "With a wall", "app_type": "quiz", "business_id": business, "stream_key": ours}
    await api.ok(await api.post("/api/v1/manage/campaigns", **campaign))
    async with signed_in(base_url, db, api.account_id, business_ids=[business]) as client:
        root = f"/manage/{api.account_id}/streams"
        assert (await client.get(f"{root}/{ours}")).status_code == 200
        for rest in ("", "/authors", "/sources", "/settings", f"/records/{ids[0]}", "/figures"):
            assert (await client.get(f"{root}/{theirs}{rest}")).status_code == 404
        listed = (await client.get(root)).text
        assert (ours in listed, theirs in listed) == (True, False)
