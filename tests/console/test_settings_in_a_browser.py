"""Settings in Chromium."""

import pytest
from playwright.async_api import Browser

from fanfare.console.pages.settings.places import SETTINGS
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.looking import NEEDS_CHROMIUM, VIEWS, View, base_url, browser, look_at
from tests.console.people import COOKIE, add_person, session_cookie

__all__ = ["base_url", "browser"]
pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
async def urls(api: Api) -> dict[str, str]:
    """Every setting, with something in each."""
    new = {"business_name": "Harbour City FC", "legal_terms": "https://harbour.example/terms"}
    business = await api.ok(await api.post("/api/v1/manage/businesses", **new))
    definition = {"crm_field_key": "shirt_size", "field_type": "choice", "field_options": ["S", "M", "L"]}
    await api.ok(await api.post("/api/v1/manage/fields", **definition))
    await api.ok(await api.post("/api/v1/manage/tags", tag_name="Season ticket"))
    await api.ok(await api.post("/api/v1/manage/display_name_words", word="referee", is_allowed=False))
    await api.ok(await api.post("/api/v1/crm/ip_addresses", ip_address="192.0.2.0/24", is_blocked=True))
    await api.ok(await api.post("/api/v1/manage/redirect_urls", redirect_url="https://www.example.com/login"))
    program = {"client_name": "Fan shop", "redirect_uris": ["https://shop.example/callback"]}
    await api.ok(await api.post("/api/v1/manage/openid_clients", **program))
    await api.ok(await api.post("/api/v1/manage/identity_providers", preset="google", client_ids=["123"]))
    await api.ok(await api.post("/api/v1/manage/suppressions", channel="email", recipient="gone@example.com"))
    sso = {"issuer": "https://login.club.example", "sso_client_id": "fanfare", "email_domains": ["club.example"]}
    await api.ok(await api.post("/api/v1/manage/staff_sso", **sso))
    root = f"/manage/{api.account_id}"
    pages = {f"settings_{each.path.rpartition('/')[2]}": root + each.path for each in SETTINGS}
    pages["staff_sso"] = f"{root}/staff/sso"
    sender = {
        "from_name": "Harbour City",
        "from_address": "news@harbour.example",
        "business_id": business["business_id"],
    }
    saved = await api.ok(await api.post("/api/v1/manage/senders", **sender))
    previews = {"sender": f"senders/{saved['sender_id']}", "home_preview": "home?time_zone=Asia/Tokyo&currency=EUR"}
    previews["retention_preview"] = "retention?retention_kind=messages&retention_days=14"
    pages |= {f"settings_{name}": f"{root}/settings/{path}" for name, path in previews.items()}
    return {**pages, "settings_business": f"{root}/settings/businesses/{business['business_id']}"}


@pytest.mark.parametrize("view", VIEWS)
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, db: Db, api: Api, urls: dict[str, str], view: View
) -> None:
    token = await session_cookie(db, await add_person(db, api.account_id, f"reader{view[0]}{view[1]}@example.com"))
    await look_at(browser, base_url, view, urls, token)


async def test_on_a_phone_the_list_is_a_line_that_opens(browser: Browser, base_url: str, db: Db, api: Api) -> None:
    token = await session_cookie(db, await add_person(db, api.account_id, "phone@example.com"))
    context = await browser.new_context(base_url=base_url, viewport={"width": 390, "height": 844})
    await context.add_cookies([{"name": COOKIE, "value": token, "url": base_url}])
    page = await context.new_page()
    await page.goto(f"/manage/{api.account_id}/settings/tags")
    place = page.locator(".settings__list").get_by_role("link", name="How long things are kept")
    assert not await place.is_visible()
    await page.get_by_text("All settings").click()
    await place.click()
    await page.wait_for_url("**/settings/retention")
    # Where there is room it is open without that.
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.locator(".settings__list").get_by_role("link", name="Tags").click()
    await page.wait_for_url("**/settings/tags")
    await context.close()
