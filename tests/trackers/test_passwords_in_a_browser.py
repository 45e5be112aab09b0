"""The pages of a link with a password, in Chromium: wide and narrow, light and dark, in the look of its business."""

import pytest
from playwright.async_api import Browser, Page

from tests.api import Api
from tests.hosted.closer import look_closer
from tests.hosted.test_in_a_browser import CHROMIUM, VIEWS, browser, findings, new_context
from tests.trackers.links import new_tracker

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which .ci/run installs")


async def protected(api: Api, name: str) -> str:
    """Return the path of a link with a password; it belongs to a campaign of a new business with this name."""
    business = {"business_name": name, "style_props": {"brand_color": "#7a1fa2"}}
    business_id = (await api.ok(await api.post("/api/v1/manage/businesses", **business)))["business_id"]
    new = {"title": f"Presale {business_id}", "app_type": "custom", "business_id": business_id}
    campaign = await api.ok(await api.post("/api/v1/manage/campaigns", **new))
    saved = await new_tracker(api, password="Open Sesame", page_tab_id=campaign["page_tab_id"])
    return f"/trk/{saved['tracker_key']}"


async def look(page: Page, name: str, width: int) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert await findings(page) == [], name
    await look_closer(page, name, width)


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
async def test_each_page_can_be_read(browser: Browser, base_url: str, api: Api, width: int, scheme: str) -> None:
    name = f"Tideline Festival {width}"
    path = await protected(api, name)
    colours: dict[str, str] = {"color_scheme": scheme}
    context = await new_context(
        browser, base_url=base_url, viewport={"width": width, "height": 800}, locale="en", **colours
    )
    page = await context.new_page()
    await page.goto(path)
    assert name in await page.locator("header").inner_text()
    await look(page, "asked", width)
    await page.keyboard.press("Tab")
    await page.get_by_label("Password").fill("wrong")
    await page.keyboard.press("Enter")
    await page.get_by_text("the password is wrong").wait_for()
    await look(page, "wrong", width)
    await page.route("https://shop.example.com/**", lambda route: route.fulfill(body="the shop"))
    await page.get_by_label("Password").fill("Open Sesame")
    await page.keyboard.press("Enter")
    await page.wait_for_url("https://shop.example.com/**")
    for error, address in {"unknown": "/trk/nothing", "nowhere": "/crm/nowhere"}.items():
        answer = await page.goto(address)
        assert answer is not None
        assert answer.status == 404
        assert "is complete" in await page.locator("main").inner_text()
        await look(page, error, width)
    await context.close()
