"""Passkeys in Chromium with a virtual authenticator: added on the fan's page, and used on the login page."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, CDPSession, Page

from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.conftest import serving
from tests.hosted.logins import login_url, register_site
from tests.hosted.test_in_a_browser import CHROMIUM, PICTURES, VIEWS, browser, findings, keep_picture, new_context
from tests.sessions.logins import PASSWORD, registered

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which .ci/run installs")
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def base_url(settings: Settings) -> Iterator[str]:
    with serving(settings, host="localhost") as url:
        yield url


@pytest.fixture(scope="module", autouse=True)
async def site(api: Api, base_url: str) -> None:
    """A site on another path of this server, so that the browser arrives somewhere."""
    await register_site(api, f"{base_url}/docs")
    await registered(api, "maren@example.org")


@pytest.fixture
async def context(browser: Browser, base_url: str) -> AsyncIterator[BrowserContext]:
    context = await new_context(browser, base_url=base_url, locale="en")
    yield context
    await context.close()


async def with_device(page: Page, **options: Any) -> tuple[CDPSession, str]:
    """Give the browser of a page a device for passkeys, and return how to reach it."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    device = await session.send("WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, **options}})
    return session, device["authenticatorId"]


async def to_own_passkeys(page: Page, api: Api) -> None:
    """Open the fan's page of passkeys, by a login with the password."""
    await page.goto(f"/crm/passkeys?account_id={api.account_id}")
    await page.get_by_label("Email or mobile number").fill("maren@example.org")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await page.get_by_role("heading", name="Passkeys").wait_for()


async def test_added_on_the_page_and_used_by_a_button_and_by_the_field(
    api: Api, context: BrowserContext, base_url: str
) -> None:
    faults: list[str] = []
    page = await context.new_page()
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    session, device = await with_device(page)
    await to_own_passkeys(page, api)
    await page.get_by_role("button", name="Add a passkey").click()
    await page.get_by_text("Saved.").wait_for()
    answer = await session.send("WebAuthn.getCredentials", {"authenticatorId": device})
    assert [each["rpId"] for each in answer["credentials"]] == ["localhost"]
    await keep_picture(page, PICTURES / "passkeys-added-1280-light.png")
    # The device is silent while the field only offers its passkey.
    presence = {"authenticatorId": device, "enabled": False}
    await session.send("WebAuthn.setAutomaticPresenceSimulation", presence)
    await context.clear_cookies()
    await page.goto(login_url(api, redirect_url=f"{base_url}/docs"))
    button = page.get_by_role("button", name="Log in with a passkey")
    await button.wait_for()
    await session.send("WebAuthn.setAutomaticPresenceSimulation", {**presence, "enabled": True})
    await button.click()
    await page.wait_for_url(f"{base_url}/docs?code=*")
    assert faults == []


async def test_a_device_that_refuses_leaves_the_other_ways(api: Api, context: BrowserContext, base_url: str) -> None:
    page = await context.new_page()
    await with_device(page, isUserVerified=False)
    await page.goto(login_url(api, redirect_url=f"{base_url}/docs"))
    await page.get_by_role("button", name="Log in with a passkey").click()
    await page.get_by_text("That did not work.").wait_for()
    await page.get_by_label("Email or mobile number").fill("maren@example.org")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await page.wait_for_url(f"{base_url}/docs?code=*")


async def test_without_javascript_there_is_no_button(
    api: Api,
    browser: Browser,
    base_url: str,
) -> None:
    context = await new_context(browser, base_url=base_url, java_script_enabled=False, locale="en")
    page = await context.new_page()
    await page.goto(login_url(api, redirect_url=f"{base_url}/docs"))
    assert not await page.get_by_role("button", name="Log in with a passkey").is_visible()
    await to_own_passkeys(page, api)
    assert not await page.get_by_role("button", name="Add a passkey").is_visible()
    await page.get_by_text("or JavaScript is off.").wait_for()
    await context.close()


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
async def test_both_pages_can_be_read(
    api: Api,
    browser: Browser,
    base_url: str,
    width: int,
    scheme: Any,
) -> None:
    PICTURES.mkdir(exist_ok=True)
    viewport: Any = {"width": width, "height": 800}
    context = await new_context(browser, base_url=base_url, viewport=viewport, color_scheme=scheme, locale="en")
    page = await context.new_page()
    await with_device(page)
    await page.goto(login_url(api, redirect_url=f"{base_url}/docs"))
    await page.get_by_role("button", name="Log in with a passkey").wait_for()
    await keep_picture(page, PICTURES / f"login-passkey-{width}-{scheme}.png")
    await to_own_passkeys(page, api)
    await page.get_by_role("button", name="Add a passkey").click()
    await page.get_by_text("Saved.").wait_for()
    assert await findings(page) == []
    await page.get_by_role("link", name="Rename Passkey", exact=True).first.click()
    await page.get_by_label("Name").fill(f"Maren's phone {'x' * 60} {width} {scheme}")
    await keep_picture(page, PICTURES / f"passkey-name-{width}-{scheme}.png")
    assert await findings(page) == []
    await page.get_by_label("Name").fill(f"Maren's phone {'x' * 60} {width} {scheme}")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("link", name=f"Rename Maren's phone {'x' * 60} {width} {scheme}").wait_for()
    await keep_picture(page, PICTURES / f"passkeys-{width}-{scheme}.png")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await findings(page) == []
    await context.close()
