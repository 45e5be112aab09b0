"""The command palette in Chromium: by keyboard alone."""

import asyncio

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

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
from tests.hosted.test_in_a_browser import findings, keep_picture

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM


async def test_a_page_is_reached_by_keyboard(context: BrowserContext, db: Db, api: Api) -> None:
    page = await signed_in_page(context, db, api.account_id, "keyboard@example.com")
    faults = watched(page)
    await page.goto(f"/manage/{api.account_id}/keys")
    assert await findings(page) == []
    await page.wait_for_load_state("networkidle")
    await page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Fan, campaign")
    await expect(box).to_be_focused()
    await page.keyboard.type("audit")
    await expect(page.locator("#palette-list").get_by_role("option").first).to_contain_text("udit log")
    await expect(page.locator("#palette-list").get_by_role("option")).to_have_count(2)
    await expect(box).to_have_attribute("aria-activedescendant", "palette-1")
    await page.keyboard.press("ArrowDown")
    await expect(box).to_have_attribute("aria-activedescendant", "palette-2")
    assert await findings(page) == []
    await keep_picture(page, "tests/console/pictures/palette-1280-light.png")
    await page.keyboard.press("ArrowDown")
    await expect(box).to_have_attribute("aria-activedescendant", "palette-1")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/audit")
    await page.get_by_role("heading", name="Audit log").wait_for()
    assert faults == []


async def late_palette(page: Page, account_id: int) -> asyncio.Event:
    """Open the palette and type; the answer to the text comes once the event is set."""
    arrival = asyncio.Event()

    async def late(route: Route) -> None:
        await arrival.wait()
        await route.continue_()

    await page.goto(f"/manage/{account_id}/keys")
    await page.keyboard.press("Control+k")
    await page.locator("#palette-list").get_by_role("option").first.wait_for()
    await page.route("**/find?*q=audit", late)
    async with page.expect_request("**/find?*q=audit"):
        await page.keyboard.type("audit")
    return arrival


async def test_enter_leads_to_what_was_typed(context: BrowserContext, db: Db, api: Api) -> None:
    page = await signed_in_page(context, db, api.account_id, "quick@example.com")
    arrival = await late_palette(page, api.account_id)
    # The list is still that of no text.
    await page.keyboard.press("Enter")
    arrival.set()
    await page.wait_for_url("**/audit")


async def test_a_late_answer_leaves_what_was_chosen(context: BrowserContext, db: Db, api: Api) -> None:
    page = await signed_in_page(context, db, api.account_id, "late@example.com")
    arrival = await late_palette(page, api.account_id)
    options = page.locator("#palette-list").get_by_role("option")
    last = options.filter(has_text="Verify the audit log")
    await page.keyboard.press("ArrowUp")
    await expect(last).to_have_attribute("aria-selected", "true")
    arrival.set()
    await expect(options).to_have_count(2)
    await expect(last).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize("view", VIEWS)
async def test_every_page_can_be_read(browser: Browser, base_url: str, db: Db, api: Api, view: View) -> None:
    token = await session_cookie(db, await add_person(db, api.account_id, f"reader{view[0]}{view[1]}@example.com"))
    pages = {"find": f"/manage/{api.account_id}/find", "find_text": f"/manage/{api.account_id}/find?q=new"}
    await look_at(browser, base_url, view, pages, token)
