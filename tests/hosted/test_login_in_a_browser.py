"""The login in a real browser: every page can be read, and a fan without scripts gets back to the site."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Page

from tests.api import Api
from tests.hosted.closer import look_closer
from tests.hosted.logins import SITE, exchange, register_site
from tests.hosted.test_in_a_browser import CHROMIUM, PICTURES, VIEWS, browser, findings, keep_picture
from tests.sessions.logins import PASSWORD, fan_of, registered

__all__ = ["browser"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which .ci/run installs")


@pytest.fixture(scope="module")
async def business_id(api: Api) -> int:
    await register_site(api)
    business = {
        "business_name": "Tideline Festival",
        "style_props": {"brand_color": "#00a6a6"},
        "locale_props": {"header_text": "Your pass, your line-up, your points."},
        "legal_terms": "Be kind to each other.\nNo glass on the beach.",
        "legal_privacy": "https://tideline.example/privacy",
    }
    saved = await api.ok(await api.post("/api/v1/manage/businesses", **business))
    result: int = saved["business_id"]
    return result


def url_of(api: Api, business_id: int, path: str = "") -> str:
    query = f"account_id={api.account_id}&business_id={business_id}&redirect_url={SITE}&state=f3a9"
    return f"/crm/oauth{path}?{query}"


async def reset_url(api: Api, business_id: int, email: str) -> str:
    fan_id = (await registered(api, email, business_id=business_id, is_accepted=True))["fan_id"]
    saved = await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", reset_uid=True))
    return f"/crm/reset?account_id={api.account_id}&reset_uid={saved['reset_uid']}&business_id={business_id}"


async def photograph(page: Page, name: str, width: int, scheme: str) -> None:
    """Keep a picture of a page, and look for what is wrong with it."""
    await keep_picture(page, PICTURES / f"{name}-{width}-{scheme}.png")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert await findings(page) == [], name
    await look_closer(page, name, width)


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
async def test_every_page_of_the_login_can_be_read(
    browser: Browser, base_url: str, api: Api, business_id: int, width: int, scheme: Any
) -> None:
    PICTURES.mkdir(exist_ok=True)
    context = await browser.new_context(
        base_url=base_url, viewport={"width": width, "height": 800}, color_scheme=scheme, locale="en"
    )
    page, faults = await context.new_page(), list[str]()
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    for name in ("", "/register", "/code", "/forgotten", "/forgotten/sent"):
        await page.goto(url_of(api, business_id, name))
        await photograph(page, f"login{name.replace('/', '-')}", width, scheme)
    await page.goto(await reset_url(api, business_id, f"maren{width}{scheme}@example.org"))
    await photograph(page, "login-reset", width, scheme)
    await page.goto(url_of(api, business_id))
    await page.get_by_label("Email or mobile number").fill("maren@example")
    await page.get_by_label("Password").fill("wrong horse")
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_text("Enter an email address, or").wait_for()
    await keep_picture(page, PICTURES / f"login-fault-{width}-{scheme}.png")
    await page.goto(url_of(api, business_id).replace(SITE, "https://evil.example/"))
    await photograph(page, "login-refused", width, scheme)
    assert faults == []
    await context.close()


async def fill_registration(page: Page) -> None:
    """Go from the login to the registration, and register at the second attempt."""
    await page.get_by_role("link", name="Create an account").click()
    await page.get_by_label("First name").fill("Maren")
    await page.get_by_label("Email", exact=True).fill("maren.castellane@example.org")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("Yes, news and offers").check()
    await page.get_by_role("button", name="Create the account").click()
    await page.get_by_text("Please accept these texts to go on.").wait_for()
    assert await page.get_by_label("First name").input_value() == "Maren"
    assert await page.get_by_label("Yes, news and offers").is_checked()
    assert await page.get_by_label("Password").input_value() == ""
    await keep_picture(page, PICTURES / "login-register-fault-390-light.png")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("I have read these texts").check()
    await page.get_by_role("button", name="Create the account").press("Enter")


async def test_a_fan_without_scripts_registers_and_the_site_has_a_session(
    browser: Browser, base_url: str, api: Api, business_id: int
) -> None:
    context = await browser.new_context(
        base_url=base_url, viewport={"width": 390, "height": 800}, java_script_enabled=False, locale="en"
    )
    page = await context.new_page()
    reached: list[str] = []

    async def site(route: Any) -> None:
        reached.append(route.request.url)
        await route.fulfill(body="<!doctype html><title>The site</title>", content_type="text/html")

    await context.route(f"{SITE}*", site)
    await page.goto(url_of(api, business_id))
    await fill_registration(page)
    await page.wait_for_url(f"{SITE}*")
    query = parse_qs(urlsplit(reached[0]).query)
    assert query["state"] == ["f3a9"]
    session = await api.ok(await exchange(api, query["code"][0]))
    fan = await api.ok(await fan_of(api, session["session_uid"]))
    assert (fan["first_name"], fan["is_subscribed"]) == ("Maren", True)
    # The next time the fan is known.
    await page.goto(url_of(api, business_id))
    await keep_picture(page, PICTURES / "login-continue-390-light.png")
    await page.get_by_role("button", name="Continue as Maren").press("Enter")
    await page.wait_for_url(f"{SITE}*")
    await api.ok(await exchange(api, parse_qs(urlsplit(reached[-1]).query)["code"][0]))
    await context.close()
