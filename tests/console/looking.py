"""Opens pages of the Manage Centre in Chromium: the fixtures and the look that every browser test of them has.

    from tests.console.looking import NEEDS_CHROMIUM, VIEWS, base_url, browser, context, look_at, signed_in_page

    __all__ = ["base_url", "browser", "context"]
    pytestmark = NEEDS_CHROMIUM

`make pictures` opens every page in each view and keeps pictures in tests/console/pictures, which is not committed.
Look at them. `make test` opens it in two views, which differ in width and colours, and takes none: a third of the time.
In the narrower of the two the same visit is made narrower still, has its text doubled, and is laid out for paper.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.conftest import serving
from tests.console.people import COOKIE, add_person, session_cookie
from tests.hosted.closer import look_closer
from tests.hosted.test_in_a_browser import CHROMIUM, TAKES_PICTURES, VIEWS, View, browser, findings, new_context
from tests.running import PATIENCE

__all__ = ["VIEWS", "View", "browser"]
# What must come is waited for as long as a busy machine needs.
expect.set_options(timeout=PATIENCE * 1000)
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which .ci/run installs")
PICTURES = Path(__file__).parent / "pictures"
# What stands around every page of an account.
FRAME = (".rail", ".bar", "#account-menu", "#palette")


@pytest.fixture(scope="module")
def base_url(settings: Settings) -> Iterator[str]:
    """A server at a name, as passkeys need it."""
    with serving(settings, host="localhost") as url:
        yield url


@pytest.fixture
async def context(browser: Browser, base_url: str) -> AsyncIterator[BrowserContext]:
    """A browser in which nobody has signed in."""
    context = await new_context(browser, base_url=base_url, locale="en")
    yield context
    await context.close()


def watched(page: Page) -> list[str]:
    """Return what the page will complain about: violations of its policy, and errors of scripts."""
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults


async def signed_in_page(context: BrowserContext, db: Db, account_id: int, email: str, role: str = "full") -> Page:
    """Return a page in which a new person of an account is signed in; paths begin with `/manage/{account_id}`."""
    token = await session_cookie(db, await add_person(db, account_id, email, role))
    page = await context.new_page()
    await page.goto("/manage/sign_in")
    await context.add_cookies([{"name": COOKIE, "value": token, "url": page.url}])
    return page


async def look_at(browser: Browser, base_url: str, view: View, pages: Mapping[str, str], token: str) -> None:
    """Open each page, by its name, with the session of somebody: no finding of axe, nothing too wide, strict policy."""
    width, scheme = view
    PICTURES.mkdir(exist_ok=True)
    options: Any = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    context = await new_context(browser, base_url=base_url, locale="en", **options)
    page = await context.new_page()
    faults = watched(page)
    exclusion: tuple[str, ...] = ()
    if token:
        await context.add_cookies([{"name": COOKIE, "value": token, "url": base_url}])
    for name, path in pages.items():
        answer = await page.goto(path)
        assert answer, name
        assert answer.status == 200, name
        if TAKES_PICTURES:
            await page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert faults == [], name
        axe_findings = await findings(page, exclusion)
        exclusion = FRAME if token else ()
        assert axe_findings == [], (name, axe_findings)
        await look_closer(page, name, width)
    await context.close()
