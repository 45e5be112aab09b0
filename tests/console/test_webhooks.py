"""Pages of webhooks: an endpoint is registered, changed, tested, and gets again what it missed."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in

URL = "https://203.0.114.10/hooks"


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


async def register(client: httpx.AsyncClient, account_id: int, **fields: str) -> str:
    """Register an endpoint, and return the path of its page."""
    page = await send(client, f"/manage/{account_id}/webhooks/new", url=URL, topics="fan.*, business.created", **fields)
    assert re.search(r'id="webhook-secret"[^>]*>whsec_', page.text), page.text
    match = re.search(rf"/manage/{account_id}/webhooks/[0-9a-f-]{{36}}", page.text)
    assert match
    return match[0]


async def test_an_endpoint_is_registered_changed_and_deleted(client: httpx.AsyncClient, api: Api) -> None:
    path = await register(client, api.account_id, description="The ticket shop")
    page = (await client.get(path)).text
    assert "The ticket shop" in page
    assert "whsec_" not in page
    await send(client, path, url=URL, topics="consent.*", description="", format="cloudevents")
    (webhook,) = [
        each for each in await api.ok(await api.get("/api/v1/manage/webhooks")) if path.endswith(each["webhook_uid"])
    ]
    assert (webhook["topics"], webhook["description"], webhook["format"]) == (["consent.*"], None, "cloudevents")
    await send(client, path, is_enabled="false")
    assert "Turn it on" in (await client.get(path)).text
    assert (await send(client, path, f"{path}/delete")).status_code == 303
    assert (await client.get(path)).status_code == 404


async def test_a_wrong_address_is_told_at_its_field(client: httpx.AsyncClient, api: Api) -> None:
    page = await send(client, f"/manage/{api.account_id}/webhooks/new", url="ftp://203.0.114.10/", topics="nonsense.*")
    assert page.status_code == 422
    assert 'id="url-fault"' in page.text
    assert 'value="nonsense.*"' in page.text


async def test_a_new_secret_is_shown_once(client: httpx.AsyncClient, api: Api) -> None:
    path = await register(client, api.account_id)
    page = await send(client, path, f"{path}/secrets", overlap_hours="1")
    assert "whsec_" in page.text


async def test_a_test_is_listed_and_sent_again(client: httpx.AsyncClient, api: Api) -> None:
    path = await register(client, api.account_id)
    assert (await send(client, path, f"{path}/test")).status_code == 303
    page = (await client.get(path)).text
    assert "webhook.tested" in page
    match = re.search(r'name="delivery_id" value="(\d+)"', page)
    assert match
    await send(client, path, f"{path}/replay", delivery_id=match[1])
    page = (await client.get(path)).text
    assert "1 delivery is sent again." in page
    assert '<small class="muted">again</small>' in page
    assert "Nothing was sent yet" in (await client.get(path, params={"state": "failed"})).text


async def test_a_range_is_sent_again(client: httpx.AsyncClient, api: Api) -> None:
    path = await register(client, api.account_id)
    await api.ok(await api.post("/api/v1/manage/businesses", business_name="Harbour City FC"))
    await send(client, path, f"{path}/replay", min_timestamp="2020-01-01 00:00:00")
    assert "sent again." in (await client.get(path)).text


async def test_only_what_somebody_may_take_out_is_sent(
    base_url: str, db: Db, api: Api, client: httpx.AsyncClient
) -> None:
    root = f"/manage/{api.account_id}/webhooks"
    path = await register(client, api.account_id)
    await api.ok(await api.post("/api/v1/manage/businesses", business_name="Bow River FC"))
    await send(client, path, f"{path}/replay", min_timestamp="2020-01-01 00:00:00")
    match = re.search(r'name="delivery_id" value="(\d+)"', (await client.get(path)).text)
    assert match
    async with signed_in(base_url, db, api.account_id, "legal") as legal:
        offered = (await legal.get(f"{root}/new")).text
        assert ("fan.created" in offered, "ticket.created" in offered) == (True, False)
        for topics in ("ticket.*", "*", "fan.*, purchase.created", "*.deleted", "business.created"):
            assert (await send(legal, f"{root}/new", url=URL, topics=topics)).status_code == 403, topics
        assert "whsec_" in (await send(legal, f"{root}/new", url=URL, topics="fan.*, consent.*")).text
        # This one sends changes of businesses too, which Legal may not take out.
        assert (await send(legal, path, url="https://203.0.114.11/mine")).status_code == 403
        assert (await send(legal, path, url=URL, topics="fan.*")).status_code == 403
        for values in ({"delivery_id": match[1]}, {"min_timestamp": "2020-01-01 00:00:00"}):
            assert (await send(legal, path, f"{path}/replay", **values)).status_code == 403
        assert (await send(legal, path, f"{path}/test")).status_code == 303
    rights = {"settings": ["read", "write"], "fans": ["read", "export"]}
    async with signed_in(base_url, db, api.account_id, "custom", custom_rights=rights) as masked:
        assert (await send(masked, f"{root}/new", url=URL, topics="fan.*")).status_code == 403
