"""Pages of purchases, points, idols, links, ads and reports in Chromium, and the main jobs there."""

import pytest
from playwright.async_api import Browser, BrowserContext

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
from tests.console.trade import Trade, open_trade

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
async def trade(api: Api, base_url: str) -> Trade:
    return await open_trade(api, base_url)


@pytest.fixture(scope="module")
async def token(db: Db, api: Api) -> str:
    return await session_cookie(db, await add_person(db, api.account_id, "trade@example.com"))


@pytest.fixture(scope="module")
async def pages(api: Api, trade: Trade) -> dict[str, str]:
    paths = {
        "purchases": "/purchases",
        "order": "/purchases/order?network=shop&order_key=1001",
        "products": "/products/figures",
        "points": "/points",
        "point": f"/points/{trade.point_uid}",
        "idols": "/idols/figures",
        "idol": f"/idols/{trade.idol_uid}",
        "links": "/links",
        "link-new": "/links/new",
        "link": f"/links/{trade.tracker_id}",
        "link-settings": "/links/settings",
        "ads": "/ads",
        "ad-figures": "/ads/figures",
        "ad-import": "/ads/import",
        "ad-project": f"/ads/projects/{trade.project_uid}",
        "reports": "/reports",
        "report-types": "/reports/new",
        "report-new": "/reports/new?report_type=tracker",
        "report": f"/reports/{trade.report_uid}",
        "report-data": f"/reports/{trade.report_uid}/data",
    }
    return {name: f"/manage/{api.account_id}{path}" for name, path in paths.items()}


@pytest.mark.parametrize("view", VIEWS, ids=str)
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, pages: dict[str, str], token: str, view: View
) -> None:
    await look_at(browser, base_url, view, pages, token)


async def test_a_report_is_made_and_shared(db: Db, api: Api, context: BrowserContext, trade: Trade) -> None:
    page = await signed_in_page(context, db, api.account_id, "sharer@example.com")
    faults = watched(page)
    await page.goto(f"/manage/{api.account_id}/reports")
    await page.get_by_role("link", name="New report").click()
    await page.get_by_role("link", name="One link").click()
    await page.get_by_label("Name").fill("Spring mail for the sponsor")
    await page.get_by_label("About").select_option("Season tickets, spring mail")
    await page.get_by_role("button", name="Make the report").click()
    # its data came after the page
    await page.locator("#sheet .figure").first.wait_for()
    await page.get_by_role("button", name="Make a link").click()
    url = await page.locator("#report-link").text_content()
    stranger = await context.new_page()
    await stranger.goto(url or "")
    await stranger.get_by_role("heading", name="Spring mail for the sponsor").wait_for()
    await page.get_by_role("link", name="I have kept it").click()
    await page.get_by_role("button", name="End it").click()
    await page.get_by_text("The link has ended.").wait_for()
    assert faults == []
    assert trade.report_uid


async def test_points_are_awarded_and_taken_back(db: Db, api: Api, context: BrowserContext, trade: Trade) -> None:
    page = await signed_in_page(context, db, api.account_id, "points@example.com")
    faults = watched(page)
    await page.goto(f"/manage/{api.account_id}/points/{trade.point_uid}")
    await page.get_by_label("Fan", exact=True).fill(str(trade.fan_ids[1]))
    await page.get_by_label("Points", exact=True).fill("75")
    await page.get_by_label("Reason").fill("Carried the banner")
    await page.get_by_role("button", name="Give the points").click()
    row = page.get_by_role("row").filter(has_text="Carried the banner")
    await row.get_by_role("button", name="Undo").click()
    await page.get_by_text("The award is taken back.").wait_for()
    await row.get_by_text("Taken back").wait_for()
    assert faults == []
