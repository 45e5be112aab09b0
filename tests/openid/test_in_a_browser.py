"""The pages of OpenID Connect in a real browser: by keyboard, three widths, light and dark, without a finding of axe.

The browser follows the way back to the client, which the content policy of a page with a form could block.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, BrowserContext

from tests.api import Api
from tests.hosted.closer import look_closer
from tests.hosted.test_in_a_browser import CHROMIUM, VIEWS, browser, findings, keep_picture
from tests.openid.provider import (
    Client,
    come_back,
    cookie_of,
    fan_browser,
    new_client,
    new_fan,
    post_token,
    query_of,
    userinfo,
)
from tests.servers import Reply, http_server
from tests.sessions.logins import PASSWORD

__all__ = ["browser"]
PICTURES = Path(__file__).parent / "pictures"
SCOPES = ["openid", "profile", "email", "phone", "offline_access"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which .ci/run installs")


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """The address of the client's site, at another origin."""
    page = Reply(b"<title>Shop</title><h1>Welcome back</h1>", headers={"Content-Type": "text/html"})
    with http_server(lambda _: page) as url:
        yield url.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
async def client(api: Api, shop: str) -> Client:
    """A client in the look of a business."""
    answer = await api.post(
        "/api/v1/manage/businesses",
        business_name="Tideline Festival",
        style_props={"brand_color": "#00a6a6"},
        legal_privacy="https://tideline.example/privacy",
    )
    business_id = (await api.ok(answer))["business_id"]
    return await new_client(
        api,
        client_name="Harbour City Fan Shop",
        scopes=SCOPES,
        business_id=business_id,
        redirect_uris=[f"{shop}/callback"],
    )


@pytest.fixture(scope="module")
async def fan(api: Api, client: Client) -> dict[str, Any]:
    """A fan who has agreed already, for the pages that show that."""
    session = await new_fan(api, first_name="Maren", is_accepted=True)
    async with fan_browser(api, session["session_uid"]) as visitor:
        await come_back(visitor, client, scope="openid email")
    return session


async def context_of(browser: Browser, api: Api, session_uid: str, **options: Any) -> BrowserContext:
    """Give a browser in which a fan is logged in, if there is a session."""
    base_url = str(api.client.base_url).rstrip("/")
    context = await browser.new_context(base_url=base_url, locale="en", **options)
    if session_uid:
        await context.add_cookies([{"name": cookie_of(api), "value": session_uid, "url": base_url}])
    return context


def url_of(client: Client, **changes: Any) -> str:
    return f"{client.base}/authorize?{urlencode(client.request(scope=' '.join(SCOPES), **changes))}"


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
async def test_every_page_can_be_read(
    browser: Browser, api: Api, client: Client, fan: dict[str, Any], width: int, scheme: Any
) -> None:
    PICTURES.mkdir(exist_ok=True)
    context = await context_of(
        browser, api, fan["session_uid"], viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    faults: list[str] = []
    page = await context.new_page()
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    pages = {
        "consent": url_of(client, prompt="consent"),
        "apps": f"{client.base}/apps",
        "logout": f"{client.base}/end_session?{urlencode({'client_id': client.client_id})}",
        "error": url_of(client, redirect_uri="https://evil.example/"),
    }
    for name, url in pages.items():
        await page.goto(url)
        await keep_picture(page, PICTURES / f"{name}-{width}-{scheme}.png")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert faults == [], name
        assert await findings(page) == [], name
        await look_closer(page, name, width)
    await context.close()


@pytest.mark.parametrize("has_scripts", [True, False])
async def test_a_fan_logs_in_and_agrees_by_keyboard_and_is_led_back(
    browser: Browser,
    api: Api,
    client: Client,
    has_scripts: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    fan = await new_fan(api, first_name="Maren", is_accepted=True)
    context = await context_of(browser, api, "", java_script_enabled=has_scripts)
    page = await context.new_page()
    await page.goto(url_of(client, login_hint=fan["email"]))
    assert await page.get_by_label("Email or mobile number").input_value() == fan["email"]
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("Password").press("Enter")
    await page.get_by_role("heading", name="Log in at Harbour City Fan Shop").wait_for()
    await page.get_by_role("button", name="Allow").press("Enter")
    await page.wait_for_url(f"{client.redirect_uri}**")
    code = query_of(page.url)["code"]
    tokens = (await post_token(api, client, client.exchange(code))).json()
    assert (await userinfo(api, client, tokens["access_token"])).json()["given_name"] == "Maren"
    # Now remembered: nothing is asked.
    await page.goto(url_of(client))
    await page.wait_for_url(f"{client.redirect_uri}**code=**")
    await page.goto(f"{client.base}/apps")
    await page.get_by_role("button", name="End the connection with Harbour City Fan Shop").press("Enter")
    await page.get_by_text("You log in nowhere else").wait_for()
    assert (await userinfo(api, client, tokens["access_token"])).status_code == 401
    await page.goto(url_of(client))
    await page.get_by_role("button", name="Cancel").press("Enter")
    await page.wait_for_url(f"{client.redirect_uri}?error=access_denied**")
    await context.close()


async def test_a_fan_logs_out_and_is_led_back(browser: Browser, api: Api, shop: str) -> None:
    bye = f"{shop}/bye"
    client = await new_client(api, post_logout_redirect_uris=[bye])
    context = await context_of(browser, api, (await new_fan(api, is_accepted=True))["session_uid"])
    page = await context.new_page()
    await page.goto(
        f"{client.base}/end_session?{urlencode({'client_id': client.client_id, 'post_logout_redirect_uri': bye})}"
    )
    await page.get_by_role("button", name="Log out").press("Enter")
    await page.wait_for_url(f"{bye}**")
    assert cookie_of(api) not in {each.get("name") for each in await context.cookies()}
    await context.close()
