"""Forms that need an id offer a list of what there is, or find it by its name."""

import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in
from tests.console.visits import many_visits

__all__ = ["many_visits"]


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


def options(text: str, name: str) -> dict[str, str]:
    """Return the values of a list with what they are called."""
    part = re.search(rf'<select[^>]* name="{name}"[^>]*>(.*?)</select>', text, re.DOTALL)
    assert part, name
    return dict(re.findall(r'<option value="([^"]*)"[^>]*>([^<]*)</option>', part[1]))


async def page(client: httpx.AsyncClient, api: Api, path: str) -> str:
    answer = await client.get(f"/manage/{api.account_id}{path}")
    assert answer.status_code == 200, answer.text
    return answer.text


async def created(api: Api, path: str, **body: Any) -> Any:
    return await api.ok(await api.post(f"/api/v1/{path}", **body))


async def test_a_webhook_takes_a_segment_from_a_list(client: httpx.AsyncClient, api: Api) -> None:
    name = f"Regulars {uuid.uuid4().hex[:8]}"
    live = await created(api, "manage/filters", filter_name=name, fan_tags="regular", is_active=True)
    still = await created(api, "manage/filters", filter_name=f"{name} once", fan_tags="regular", is_active=False)
    listed = options(await page(client, api, "/webhooks/new"), "filter_uid")
    assert listed[live["filter_uid"]] == name
    assert still["filter_uid"] not in listed
    assert listed[""] == "all fans"


async def test_a_report_is_about_what_is_chosen(client: httpx.AsyncClient, api: Api) -> None:
    name = f"Choir {uuid.uuid4().hex[:8]}"
    tag = await created(api, "manage/tags", tag_name=name)
    stream = await created(api, "manage/streams", stream_name=name)
    listed = options(await page(client, api, "/reports/new?report_type=segment"), "subject")
    assert listed[f"tag/{tag['tag_id']}"] == name
    assert options(await page(client, api, "/reports/new?report_type=stream"), "subject")[stream["stream_key"]] == name
    path = f"/manage/{api.account_id}/reports/new?report_type=segment"
    answer = await send(client, path, report_name=name, report_type="segment", subject=f"tag/{tag['tag_id']}")
    assert answer.status_code == 303, answer.text
    report = await api.ok(await api.get(f"/api/v1/reports/{answer.headers['location'].rpartition('/')[2]}"))
    assert report["options"] == {"segment_type": "tag", "segment_id": str(tag["tag_id"])}


async def test_campaigns_and_streams_are_in_lists(client: httpx.AsyncClient, api: Api) -> None:
    name = f"Quiz {uuid.uuid4().hex[:8]}"
    stream = await created(api, "manage/streams", stream_name=name)
    campaign = await created(api, "manage/campaigns", title=name, app_type="quiz", stream_key=stream["stream_key"])
    key = str(campaign["page_tab_id"])
    performance = await created(api, "performances", performance_name=name, performance_date="2026-12-01")
    fields = {
        "/settings/addresses": "page_tab_id",
        f"/streams/{stream['stream_key']}/sources": "page_tab_id",
        f"/performances/{performance['performance_uid']}": "target_page_tab_id",
    }
    for path, field in fields.items():
        assert options(await page(client, api, path), field)[key] == name, path
    text = await page(client, api, f"/campaigns/{key}/edit")
    assert options(text, "stream_key")[stream["stream_key"]] == name
    assert f'<option value="{stream["stream_key"]}" selected>' in text


async def test_countries_and_time_zones_are_in_lists(client: httpx.AsyncClient, api: Api) -> None:
    text = await page(client, api, "/campaigns/new?app_type=quiz")
    assert options(text, "timezone")["Europe/Berlin"] == "Berlin"
    fan = await created(api, "crm/fans", email=f"{uuid.uuid4().hex}@example.com", country_code="NL")
    text = await page(client, api, f"/fans/{fan['fan_id']}/edit?language=de")
    assert options(text, "country_code")["NL"] == "Niederlande"
    assert '<option value="NL" selected>' in text


async def test_fans_are_found_by_what_is_typed(client: httpx.AsyncClient, base_url: str, db: Db, api: Api) -> None:
    name = f"Ottoline{uuid.uuid4().hex[:6]}"
    fan = await created(api, "crm/fans", first_name=name, email=f"{name}@example.com")
    text = await page(client, api, f"/fans/found?field=fan_id&fan_id={name[:-1]}")
    assert f'<option value="{fan["fan_id"]}">{name}, {name}@example.com' in text
    assert f"Chosen: {name}" in await page(client, api, f"/fans/found?field=fan&fan={fan['fan_id']}")
    async with signed_in(base_url, db, api.account_id, "analyst") as analyst:
        assert "<option" not in await page(analyst, api, f"/fans/found?field=fan_id&fan_id={name}")
        text = await page(analyst, api, f"/fans/found?field=fan_id&fan_id={fan['fan_id']}")
        assert f'<option value="{fan["fan_id"]}">' in text
        assert name.lower() not in text.lower()


async def test_no_form_asks_for_a_uid(client: httpx.AsyncClient, api: Api) -> None:
    """What names a thing of this server is chosen, so no text field has such a name; fans are found."""
    for path in (
        "/webhooks/new",
        "/reports/new?report_type=segment",
        "/settings/addresses",
        "/campaigns/new?app_type=quiz",
    ):
        text = await page(client, api, path)
        names = re.findall(r'<input(?![^>]*type="(?:hidden|checkbox|radio)")[^>]* name="([^"]+)"', text)
        assert [each for each in names if re.search(r"_(?:uid|id)s?$|^stream_key$", each)] == [], path
