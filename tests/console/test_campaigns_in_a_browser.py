"""Campaigns in Chromium: made, entered by the API, a winner drawn; and every page looked at."""

import re

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
from tests.draws.entries import campaign_with, complete, new_draw

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM


async def test_made_entered_and_drawn(db: Db, api: Api, context: BrowserContext) -> None:
    page = await signed_in_page(context, db, api.account_id, "maren.draws@example.com")
    faults = watched(page)
    await page.goto(f"/manage/{api.account_id}")
    await page.get_by_role("link", name="Campaigns").click()
    await page.get_by_role("link", name="New campaign").first.click()
    await page.get_by_role("link", name="Activity of an app or site").click()
    await page.get_by_label("Title").fill("Season opener")
    await page.get_by_role("button", name="Create the campaign").click()
    await page.get_by_role("heading", name="Season opener").wait_for()
    for number in range(6):
        fan = {"email": f"fan{number}@example.com", "first_name": f"Fan{number}"}
        await api.ok(await api.post("/api/v1/crm/activities", campaign_title="Season opener", field_size="M", **fan))
    await page.get_by_role("link", name="Entries", exact=True).first.click()
    await expect(page.locator("tbody tr")).to_have_count(6)
    await page.get_by_role("link", name="Draws").click()
    await draw(page)
    assert faults == []


async def draw(page: Page) -> None:
    """Draw a winner, strike it, and close the campaign with the next."""
    await page.get_by_label("What is drawn").fill("Signed shirt")
    await page.get_by_label("Reserves").fill("1")
    await page.get_by_role("button", name="Create the draw").click()
    await page.get_by_text("secret until the draw").wait_for()
    await page.get_by_text("Who takes part: 6 fans. Entries: 6.").wait_for()
    await page.get_by_role("button", name="Draw the winner").click()
    await page.get_by_text("Winners are drawn among 6 fans.").wait_for()
    first = await page.locator("section[aria-labelledby=winners] tbody th").text_content()
    await page.get_by_text("Strike", exact=True).click()
    await page.get_by_label("Reason").fill("Did not answer within seven days")
    await page.get_by_role("button", name="Strike and draw the next").click()
    await page.get_by_text("The win is struck, and the next in the order follows.").wait_for()
    assert await page.locator("section[aria-labelledby=winners] tbody th").text_content() != first
    await page.get_by_role("button", name="Close the campaign with this winner").click()
    await page.get_by_text("The campaign is closed.").wait_for()
    await expect(page.locator(".facts")).to_contain_text(re.compile(r"Winner\s*Fan\d"))


async def fill(api: Api, campaign: int) -> None:
    """Give a campaign items, wagers and points."""
    point = (await api.ok(await api.post("/api/v1/manage/points", point_name="Loyalty")))["point_uid"]
    path = f"/api/v1/manage/campaigns/{campaign}"
    titles = ("Harbour City FC win", "A draw", "Northside FC win")
    saved = [await api.ok(await api.post(f"{path}/items", title=title, item_count=500)) for title in titles]
    item = saved[0]["tab_item_id"]
    fans = [row["fan_id"] for row in (await api.ok(await api.get("/api/v1/crm/activities")))["data"]]
    await api.ok(await api.post(f"{path}/wagers", tab_item_id=item, fan_id=fans[0], item_count=2, point_count=20))
    for number, fan in enumerate(fans[:5]):
        award = {"point_uid": point, "fan_id": fan, "point_count": 50 - number, "page_tab_id": campaign}
        await api.ok(await api.post("/api/v1/crm/fan_points", **award))


@pytest.fixture(scope="module")
async def urls(api: Api) -> dict[str, str]:
    """Every page of campaigns by its name."""
    root = f"/manage/{api.account_id}/campaigns"
    campaign = await campaign_with(api, "Half-time quiz", *(f"maren.castellane{number}" for number in range(12)))
    await api.ok(
        await api.post(
            "/api/v1/manage/campaigns", title="Man of the match", app_type="wager", end_timestamp="2026-01-01"
        )
    )
    await fill(api, campaign)
    waiting = await new_draw(api, campaign, draw_name="Signed shirt", public_source="Lottery of Saturday")
    drawn = await new_draw(api, campaign, winner_count=3, reserve_count=2, draw_name="Two tickets")
    await complete(api, drawn)
    await api.ok(await api.post(f"/api/v1/manage/draws/{drawn}/replace", winner_number=2, reason="Did not answer"))
    paths = {
        "campaigns": "", "campaign_new": "/new", "campaign_new_quiz": "/new?app_type=quiz", "campaign": f"/{campaign}",
        "campaign_figures": f"/{campaign}/figures", "campaign_edit": f"/{campaign}/edit",
        "campaign_texts": f"/{campaign}/texts", "campaign_entries": f"/{campaign}/entries",
        "campaign_board": f"/{campaign}/board", "campaign_standings": f"/{campaign}/standings",
        "campaign_draws": f"/{campaign}/draws", "campaign_draw_waiting": f"/{campaign}/draws/{waiting}",
        "campaign_draw": f"/{campaign}/draws/{drawn}", "campaign_draw_preview": f"/{campaign}/draws/{waiting}/preview",
    }  # fmt: skip
    return {name: root + path for name, path in paths.items()}


@pytest.mark.parametrize("view", VIEWS)
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, db: Db, api: Api, urls: dict[str, str], view: View
) -> None:
    reader = await session_cookie(db, await add_person(db, api.account_id, f"reader-{view[0]}-{view[1]}@example.com"))
    await look_at(browser, base_url, view, urls, reader)
