"""The API console in Chromium: a call is sent, read, copied, found again, and the change feed is watched."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.looking import (
    NEEDS_CHROMIUM,
    VIEWS,
    View,
    base_url,
    browser,
    context,
    look_at,
    signed_in_page,
    watched,
)
from tests.console.people import add_person, session_cookie
from tests.hosted.test_in_a_browser import keep_picture

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module", autouse=True)
async def fans(api: Api) -> None:
    for number in range(3):
        email = f"maren{number}@example.com"
        await api.ok(await api.post("/api/v1/crm/fans", email=email, first_name="Maren", last_name="Castellane"))


@pytest.fixture
async def page(context: BrowserContext, db: Db, api: Api, request: Any) -> AsyncIterator[Page]:
    page = await signed_in_page(context, db, api.account_id, f"{request.node.name}@example.com")
    faults = watched(page)
    yield page
    assert faults == []


async def test_a_call_is_sent_and_its_answer_read(page: Page, api: Api) -> None:
    await page.goto(f"/manage/{api.account_id}")
    await page.get_by_role("link", name="API console").click()
    await page.get_by_text("more parameters").click()
    await page.get_by_label("Find a parameter").fill("lim")
    await page.get_by_label("limit", exact=True).fill("2")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#answer-status")).to_contain_text("200")
    await expect(page.locator("#answer-body")).to_contain_text("maren1@example.com")
    await page.get_by_role("button", name="Headers").click()
    await expect(page.locator("#answer-body")).to_contain_text("x-ratelimit-remaining")
    for name, text in (("curl", "curl -X GET"), ("Python", "httpx.request"), ("JavaScript", "await fetch")):
        await page.get_by_role("button", name=name).click()
        await expect(page.locator("#answer-body")).to_contain_text(text)
        await expect(page.locator("#answer-body")).to_contain_text("YOUR_API_SECRET")
        assert "ffs_" not in await page.content()
    # What was sent is in the history, whose link fills in the form.
    await page.get_by_role("button", name="History").click()
    await page.locator(".history a").click()
    await page.wait_for_url("**/console?call=crm_fans_search#query.limit=2")
    await expect(page.get_by_label("limit", exact=True)).to_have_value("2")


async def test_only_reading_is_on_at_first(page: Page, api: Api) -> None:
    await page.goto(f"/manage/{api.account_id}/console?call=crm_fans_create#body.email=new@example.com")
    await expect(page.get_by_label("email", exact=True)).to_have_value("new@example.com")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_contain_text("This call writes")
    await page.get_by_label("Only calls that read").uncheck()
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#answer-status")).to_contain_text("200")
    await expect(page.locator("#answer-body")).to_contain_text("fan_id")


async def test_another_call_is_found_and_its_fault_is_told(page: Page, api: Api) -> None:
    await page.goto(f"/manage/{api.account_id}/console")
    await page.get_by_label("Find a call").press_sequentially("post manage/businesses")
    await expect(page.locator("#call-count")).to_have_text("2")
    await page.locator("#call-list a").first.click()
    await expect(page.locator("#call-name")).to_contain_text("business")
    await page.get_by_label("Only calls that read").uncheck()
    await page.locator("[data-name=media_map]").fill("{no json")
    await page.get_by_label("business_name").fill("Harbour")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_contain_text("media_map: This is not JSON")
    await page.locator("[data-name=media_map]").fill('{"logo": "x"}')
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#answer-status")).to_contain_text("200")


async def test_the_change_feed_is_watched(page: Page, api: Api) -> None:
    await page.goto(f"/manage/{api.account_id}/console")
    await page.get_by_role("button", name="Watch", exact=True).click()
    await expect(page.locator("#live-status")).to_have_text("●")
    await api.ok(await api.post("/api/v1/crm/fans", email="watched@example.com"))
    await expect(page.locator("#live-table tbody tr").first).to_contain_text("fan.created")
    await page.get_by_role("button", name="Stop").click()


PAGES = {"console": "/console?call=crm_fans_search", "console_write": "/console?call=manage_businesses_create"}


@pytest.mark.parametrize("view", VIEWS)
async def test_every_page_can_be_read(browser: Browser, base_url: str, db: Db, api: Api, view: View) -> None:
    token = await session_cookie(db, await add_person(db, api.account_id, f"reader{view[0]}{view[1]}@example.com"))
    await look_at(browser, base_url, view, {n: f"/manage/{api.account_id}{p}" for n, p in PAGES.items()}, token)


async def test_an_answer_can_be_read(page: Page, api: Api) -> None:
    """The picture of an answer, beside its form."""
    await page.goto(f"/manage/{api.account_id}/console")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#answer-status")).to_contain_text("200")
    await keep_picture(page, "tests/console/pictures/console_answer-1280-light.png")
