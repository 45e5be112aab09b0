"""Hosted pages in a real browser: by keyboard, at both widths, light and dark, without a finding of axe.

`make pictures` keeps a picture of each in tests/hosted/pictures, which is not committed, to be looked at.
"""

import math
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import axe_playwright_python  # type: ignore[import-untyped]
import pytest
from playwright.async_api import Browser, BrowserContext, Page

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.hosted.closer import look_closer
from tests.hosted.pages import links, relative
from tests.running import PATIENCE
from tests.sessions.logins import connect

CHROMIUM = shutil.which("chromium")
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
PICTURES = Path(__file__).parent / "pictures"
ISSUERS = [
    "https://accounts.google.com",
    "https://login.the-supporters-of-the-other-side-of-the-bay.example/realms/members",
]
View = tuple[int, str]
# Each width and each scheme once; `make pictures` opens each width in both schemes.
VIEWS: tuple[View, ...] = ((1280, "light"), (390, "dark"))
TAKES_PICTURES = "FANFARE_ALL_VIEWS" in os.environ
if TAKES_PICTURES:
    VIEWS = tuple((width, scheme) for width in (1280, 390, 320) for scheme in ("light", "dark"))
# Contrast takes three quarters of the time, so it is looked at by itself, without what was looked at before.
# Where the same page is looked at again in another view, all rules leave that out.
FINDINGS = """
    async ([known, isAgain]) => [
        !isAgain && await axe.run({exclude: known}, {
            runOnly: ["color-contrast"], resultTypes: ["violations"], preload: false,
        }),
        await axe.run(isAgain ? {exclude: known} : document, {
            runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"],
            rules: {"color-contrast": {enabled: isAgain}}, resultTypes: ["violations"], preload: false,
        }),
    ]
        .filter(each => each)
        .flatMap(each => each.violations)
        // A placeholder has the size of a number and shows none.
        .map(each => [each.id, each.nodes.map(node => node.html).filter(html => !html.includes('class="wait'))])
        .filter(([, nodes]) => nodes.length > 0)
        .map(([id, nodes]) => id + ": " + nodes.join(" | "))
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which .ci/run installs")


@pytest.fixture(scope="module")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """The browser of all modules; what a module opened in it is closed in the end."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


async def keep_picture(page: Page, path: Path | str) -> None:
    """Keep a picture of the whole page, if pictures are taken at all."""
    if TAKES_PICTURES:
        await page.screenshot(path=path, full_page=True)


async def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Return a browser as new, which waits as long for a page as a busy machine needs."""
    context = await browser.new_context(**options)
    context.set_default_timeout(PATIENCE * 1000)
    return context


@pytest.fixture(scope="module")
async def urls(api: Api) -> dict[str, str]:
    """The pages of a fan, in the look of a business."""
    answer = await api.post(
        "/api/v1/manage/businesses",
        business_name="Tideline Festival",
        style_props={"brand_color": "#00a6a6"},
        legal_privacy="https://tideline.example/privacy",
    )
    business_id = (await api.ok(answer))["business_id"]
    await api.ok(await api.post("/api/v1/manage/businesses", business_name="Harbour City FC"))
    new = {"email": "maren@example.org", "is_subscribed": True, "is_confirmed": True}
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", **new)))["fan_id"]
    each = await links(api, fan_id, business_id=business_id)
    for number in range(7):
        title = f"Half-time quiz of the {number + 1}. match against the visitors from the other side of the bay"
        await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=title))
    reports = await shared_reports(api, business_id)
    place = f"?account_id={api.account_id}&business_id={business_id}"
    return {
        "preferences": relative(each["preferences_url"]),
        "unsubscribe": relative(each["unsubscribe_url"]),
        "error": "/crm/preferences?link=unknown",
        **reports,
        **{f"my_data-{name}": f"/crm/my_data/{name}{place}" for name in ("name", "password", "consents", "download")},
        "my_data-erasure": f"/crm/my_data/erasure{place}",
        "my_data": f"/crm/my_data{place}",
    }


@pytest.fixture(scope="module")
async def cookie(api: Api, base_url: str, db: Db, urls: dict[str, str]) -> Any:
    """The cookie of the fan of these pages, who is logged in."""
    session = await connect(api, business_id=urls["my_data"].rpartition("=")[2])
    sql = """
        update sessions set login_method = 'password', fan_id = (
            select fan_id from fan_identifiers
            where account_id = $1 and network = 'email' and identifier_value = 'maren@example.org')
        where account_id = $1 and fan_id = $2
    """
    await db.execute(sql, api.account_id, session["fan_id"])
    sql = """
        insert into fan_identities (account_id, identity_id, issuer, subject, fan_id, created_at, used_at)
        select $1, nextval('positions'), unnest($2::text[]), 'maren', fan_id, now(), now() from fan_identifiers
        where account_id = $1 and network = 'email' and identifier_value = 'maren@example.org'
    """
    await db.execute(sql, api.account_id, ISSUERS)
    return {"name": f"fanfare-session-{api.account_id}", "value": session["session_uid"], "url": base_url}


async def shared_reports(api: Api, business_id: int) -> dict[str, str]:
    """The pages of a report with a chart, one with tables and bars, and one without anything to show."""
    days = [date(2027, 3, 1) + timedelta(days=each) for each in range(75)]
    figures = [
        {"network": "meta", "day": day.isoformat(), "campaign_name": f"Season tickets, wave {day.month}",
         "clicks": day.day, "spend": round(900 + 700 * math.sin(number / 5), 2), "impressions": 40_000 + 100 * number,
         "conversion_count": 3, "conversion_amount": 4200}
        for number, day in enumerate(days) if day.weekday() != 6
    ]  # fmt: skip
    await api.ok(await api.post("/api/v1/manage/ad_figures", figures=figures))
    result = {}
    spring = {"start_date": "2027-03-01", "end_date": "2027-05-31"}
    for name, span in (
        ("facebook_ad_account", spring),
        ("ad_campaigns", spring),
        ("ticket_sales", spring),
        ("fans", {}),
    ):
        new = {"report_name": "Tideline, spring 2027", "report_type": name, "business_id": business_id}
        saved = await api.ok(await api.post("/api/v1/manage/reports", **new, **span))
        link = await api.ok(await api.post(f"/api/v1/manage/reports/{saved['report_uid']}/links"))
        result[f"report-{name}"] = relative(link["url"])
    return result


async def findings(page: Page, exclusion: Sequence[str] = (), *, is_again: bool = False) -> list[str]:
    """What axe finds on a page; the contrast of what selectors name is known from another page of the same look.

    `is_again` says that it looks at the same page in another view.
    """
    if not is_again:
        await page.evaluate(AXE)
    result: list[str] = await page.evaluate(FINDINGS, [list(exclusion), is_again])
    return result


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, urls: dict[str, str], cookie: Any, width: int, scheme: Any
) -> None:
    PICTURES.mkdir(exist_ok=True)
    context = await new_context(
        browser, base_url=base_url, viewport={"width": width, "height": 800}, color_scheme=scheme, locale="en"
    )
    await context.add_cookies([cookie])
    faults: list[str] = []
    page = await context.new_page()
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    for name, url in urls.items():
        await page.goto(url)
        await keep_picture(page, PICTURES / f"{name}-{width}-{scheme}.png")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert faults == [], name
        assert await findings(page) == [], name
        await look_closer(page, name, width)
    await context.close()


async def test_by_keyboard_alone(browser: Browser, base_url: str, urls: dict[str, str]) -> None:
    context = await new_context(browser, base_url=base_url, java_script_enabled=False, locale="en")
    page = await context.new_page()
    await page.goto(urls["preferences"])
    email, phone = page.get_by_label("News and offers by email"), page.get_by_label("Text messages")
    await email.focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    assert await phone.evaluate("box => document.activeElement === box")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await page.get_by_text("Saved.").wait_for()
    assert (await email.is_checked(), await phone.is_checked()) == (False, True)
    await page.get_by_role("button", name="Send me nothing at all").press("Enter")
    await page.get_by_text("nothing at all. A tick below").wait_for()
    assert not await phone.is_checked()
    await context.close()


async def test_one_press_unsubscribes(browser: Browser, base_url: str, urls: dict[str, str]) -> None:
    context = await new_context(browser, base_url=base_url, locale="en")
    page = await context.new_page()
    await page.goto(urls["unsubscribe"])
    await page.get_by_role("button", name="Unsubscribe").press("Enter")
    await page.get_by_role("heading", name="You are unsubscribed").wait_for()
    await keep_picture(page, PICTURES / "unsubscribed-1280-light.png")
    await page.get_by_role("link", name="That was a mistake").click()
    await page.get_by_role("heading", name="What may we send you?").wait_for()
    await context.close()


async def test_a_fan_takes_the_data_along_without_scripts(
    browser: Browser, base_url: str, urls: dict[str, str], cookie: Any
) -> None:
    context = await browser.new_context(base_url=base_url, java_script_enabled=False, locale="en")
    await context.add_cookies([cookie])
    page = await context.new_page()
    await page.goto(urls["my_data"])
    await page.get_by_role("link", name="Download all my data").press("Enter")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").press("Enter")
    assert (await download.value).suggested_filename.startswith("my-data-")
    await page.get_by_role("link", name="Back to my data").click()
    await page.get_by_role("link", name="Erase my data").press("Enter")
    await page.get_by_label("I want my data to be erased").check()
    await page.get_by_role("button", name="Ask for erasure").press("Enter")
    await page.get_by_text("You asked us to erase your data").wait_for()
    await keep_picture(page, PICTURES / "my_data-waiting-1280-light.png")
    await page.get_by_role("button", name="Take it back").press("Enter")
    await page.get_by_role("link", name="Erase my data").wait_for()
    await context.close()
