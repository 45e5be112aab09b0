"""The queue of a stream in Chromium by keys alone, and every page of streams looked at."""

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

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
)
from tests.console.people import add_person, session_cookie
from tests.console.test_streams import statuses, stream_with

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM


async def press(page: Page, key: str, target: Locator) -> None:
    """Press a key and wait until it has led to its target: a key before that goes to another one."""
    await page.keyboard.press(key)
    await expect(target).to_be_focused()


async def test_moderated_by_keys(db: Db, api: Api, context: BrowserContext) -> None:
    stream_key, ids = await stream_with(api, "First one", "Second one", "Third one", "Fourth one")
    page = await signed_in_page(context, db, api.account_id, "keys.streams@example.com")
    await page.goto(f"/manage/{api.account_id}/streams")
    await page.get_by_role("link", name="Match day").last.click()
    # The script that hears keys runs once the page has been read.
    await page.wait_for_url("**/streams/*", wait_until="domcontentloaded")
    row = [page.locator(f"#record-{each}") for each in ids]
    await press(page, "j", row[0])
    await page.keyboard.press("a")
    await expect(row[0]).to_contain_text("Approved")
    await expect(row[1]).to_be_focused()
    await page.keyboard.press("r")
    await expect(row[1]).to_contain_text("Removed")
    await expect(row[2]).to_be_focused()
    await page.keyboard.press("k")
    await page.keyboard.press("u")
    await expect(row[1]).to_contain_text("Waits")
    await expect(row[1]).to_be_focused()
    await press(page, "j", row[2])
    await press(page, "l", row[2].get_by_label(f"Label for record {ids[2]}"))
    await page.keyboard.type("best")
    await page.keyboard.press("Enter")
    await expect(row[2].locator(".badge--accent")).to_have_text("best")
    await expect(row[2]).to_be_focused()
    await press(page, "j", row[3])
    await page.keyboard.press("x")
    await page.get_by_role("button", name="Remove them").click()
    await page.get_by_text("1 record is changed.").wait_for()
    assert await statuses(api, stream_key) == ["approved", "waiting", "waiting", "removed"]


@pytest.fixture(scope="module")
async def urls(api: Api) -> dict[str, str]:
    """Every page of streams by its name."""
    stream_key, ids = await stream_with(api, "What a night in the Harbour! #northside", "Spam and more spam", "Goal!")
    path = f"/api/v1/manage/streams/{stream_key}"
    await api.ok(await api.post(path, is_public=True))
    await api.ok(await api.post(f"{path}/sources", source_kind="feed", url="https://news.example.com/feed.xml"))
    await api.ok(await api.post(f"{path}/records/moderate", feed_record_ids=ids[2:], action="approve"))
    await api.ok(await api.post("/api/v1/manage/display_name_words", word="gruesome", is_allowed=False))
    root = f"/manage/{api.account_id}/streams"
    paths = {
        "streams": "", "stream_new": "/new", "stream_queue": f"/{stream_key}",
        "stream_approved": f"/{stream_key}?record_status=approved", "stream_record": f"/{stream_key}/records/{ids[0]}",
        "stream_authors": f"/{stream_key}/authors", "stream_sources": f"/{stream_key}/sources",
        "stream_settings": f"/{stream_key}/settings", "stream_figures": f"/{stream_key}/figures",
    }  # fmt: skip
    return {name: root + rest for name, rest in paths.items()}


@pytest.mark.parametrize("view", VIEWS)
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, db: Db, api: Api, urls: dict[str, str], view: View
) -> None:
    reader = await session_cookie(db, await add_person(db, api.account_id, f"streams-{view[0]}-{view[1]}@example.com"))
    await look_at(browser, base_url, view, urls, reader)
