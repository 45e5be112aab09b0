"""The Manage Centre in Chromium: the main jobs, every page at two widths, light and dark, without a finding of axe."""

import re
from datetime import UTC, datetime

import pyotp
import pytest
from playwright.async_api import Browser, BrowserContext, Page

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.looking import NEEDS_CHROMIUM, VIEWS, View, base_url, browser, context, look_at, watched
from tests.console.people import COOKIE, PASSWORD, add_person, code_at, invitation_path, session_cookie
from tests.hosted.test_passkeys_in_a_browser import with_device

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM


async def join(page: Page, path: str) -> None:
    """Accept an invitation as somebody new."""
    await page.goto(path)
    await page.get_by_label("Your name").fill("Jo Castle")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Accept the invitation").click()
    await page.get_by_role("heading", name="Your second factor").wait_for()


async def sign_out(page: Page) -> None:
    await page.locator(".rail .account").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("heading", name="Sign in to the Manage Centre").wait_for()


async def test_invited_with_an_app_and_signed_in_by_it(db: Db, api: Api, context: BrowserContext) -> None:
    page = await context.new_page()
    faults = watched(page)
    await join(page, await invitation_path(db, api.account_id, "app@example.com"))
    await page.get_by_role("link", name="Set up an app").click()
    secret = await page.locator("#app-secret").text_content()
    app = pyotp.TOTP(secret or "")
    await page.get_by_label("Code of your app").fill(code_at(app, datetime.now(UTC)))
    await page.get_by_role("button", name="Use this app").click()
    await page.get_by_role("link", name="I have kept them").wait_for()
    assert await page.locator(".codes code").count() == 10
    await page.get_by_role("link", name="I have kept them").click()
    await page.get_by_role("heading", name="Home").wait_for()
    await sign_out(page)
    await page.get_by_label("Email").fill("app@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    # A code works once, so this is the one that comes next: a clock that is fast by a step is accepted.
    await page.get_by_label("Code of your app").fill(code_at(app, datetime.now(UTC), 1))
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Home").wait_for()
    assert faults == []


async def test_invited_with_a_passkey_and_signed_in_by_it(db: Db, api: Api, context: BrowserContext) -> None:
    page = await context.new_page()
    faults = watched(page)
    session, device = await with_device(page)
    await join(page, await invitation_path(db, api.account_id, "key@example.com"))
    await page.get_by_role("button", name="Add a passkey").click()
    await page.get_by_text("The passkey is added.").wait_for()
    # The device is silent while the field only offers its passkey.
    presence = {"authenticatorId": device, "enabled": False}
    await session.send("WebAuthn.setAutomaticPresenceSimulation", presence)
    await sign_out(page)
    button = page.get_by_role("button", name="Sign in with a passkey")
    await button.wait_for()
    await session.send("WebAuthn.setAutomaticPresenceSimulation", {**presence, "enabled": True})
    await button.click()
    await page.get_by_role("heading", name="Home").wait_for()
    assert faults == []


async def test_a_key_is_made_and_found_in_the_audit_log(
    db: Db, api: Api, context: BrowserContext, base_url: str
) -> None:
    token = await session_cookie(db, await add_person(db, api.account_id, "keys@example.com"))
    await context.add_cookies([{"name": COOKIE, "value": token, "url": base_url}])
    page = await context.new_page()
    faults = watched(page)
    await page.goto(f"/manage/{api.account_id}")
    await page.get_by_role("link", name="API keys").click()
    await page.get_by_role("link", name="New key").click()
    await page.get_by_label("What it is for").fill("Ticket shop of the club")
    await page.get_by_role("checkbox", name="apps What sites").check()
    await page.get_by_role("button", name="Make the key").click()
    secret = await page.locator("#api-secret").text_content()
    assert len(secret or "") > 30
    await page.get_by_role("link", name="I have kept it").click()
    await page.get_by_text("Ticket shop of the club").wait_for()
    await page.get_by_role("link", name="Audit log").click()
    await page.get_by_role("searchbox").fill("ticket SHOP")
    await page.wait_for_url("**/audit?text=*")
    await page.get_by_text("API key: new").click()
    await page.get_by_text("Ticket shop of the club").first.wait_for()
    assert await page.locator("#entries > .scroll > table > tbody > tr").count() == 1
    # What is downloaded is what was found.
    assert "text=ticket" in (await page.locator("#download").get_attribute("href") or "")
    assert faults == []


OPEN = {"sign_in": "/manage/sign_in", "forgotten": "/manage/password"}
PERSONAL = {
    "me": "/manage/me",
    "app": "/manage/me/app",
    "new_password": "/manage/me/password",
    "prove": "/manage/prove",
    "components": "/manage/components",
}
OF_ACCOUNT = {
    "home": "",
    "home_figures": "/home/figures",
    "home_activity": "/home/activity",
    "home_revenue": "/home/revenue",
    "home_consents": "/home/consents",
    "home_campaigns": "/home/campaigns",
    "home_attention": "/home/attention",
    "keys": "/keys",
    "key_new": "/keys/new",
    "staff": "/staff",
    "staff_new": "/staff/new",
    "audit": "/audit",
    "verification": "/audit/verification",
}


@pytest.fixture(scope="module")
async def urls(db: Db, api: Api) -> dict[str, str]:
    """Every page by its name."""
    invitation = await invitation_path(db, api.account_id, "guest@example.com")
    for number in range(3):
        await api.ok(await api.post("/api/v1/manage/businesses", business_name=f"Harbour City FC {number}"))
        await api.ok(await api.post("/api/v1/crm/fans", email=f"fan{number}@example.com"))
    await api.ok(await api.post("/api/v1/manage/keys", key_name="Website", scopes=["apps", "sessions"]))
    pages = {name: f"/manage/{api.account_id}{path}" for name, path in OF_ACCOUNT.items()}
    return {**PERSONAL, **pages, "invitation": invitation}


@pytest.fixture(scope="module")
async def reader(db: Db, api: Api) -> str:
    """The session of a person who may read everything."""
    return await session_cookie(db, await add_person(db, api.account_id, "maren.castellane@example.com"))


@pytest.mark.parametrize("view", VIEWS)
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, reader: str, urls: dict[str, str], view: View
) -> None:
    await look_at(browser, base_url, view, OPEN, "")
    await look_at(browser, base_url, view, urls, reader)


async def test_the_theme_and_the_language_stay(db: Db, api: Api, context: BrowserContext, base_url: str) -> None:
    token = await session_cookie(db, await add_person(db, api.account_id, "theme@example.com"))
    await context.add_cookies([{"name": COOKIE, "value": token, "url": base_url}])
    page = await context.new_page()
    await page.goto(f"/manage/{api.account_id}")
    await page.locator(".rail .account").click()
    await page.get_by_role("button", name="Dark").click()
    await page.wait_for_selector("html[data-theme=dark]")
    await page.locator(".rail .account").click()
    await page.get_by_role("link", name="Deutsch").click()
    await page.get_by_role("heading", name="Übersicht").wait_for()
    await page.goto("/manage/me")
    assert re.search("Sie und Ihre Anmeldung", await page.content())
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
