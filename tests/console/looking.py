"""Opens pages of the Manage Centre in Chromium: the fixtures and the look that every browser test of them has.

    from tests.console.looking import NEEDS_CHROMIUM, VIEWS, base_url, browser, context, look_at, signed_in_page

    __all__ = ["base_url", "browser", "context"]
    pytestmark = NEEDS_CHROMIUM

`make pictures` opens every page in each view and keeps pictures in tests/console/pictures, which is not committed.
Look at them. `make test` opens it once and takes none: a window of a desk, light, becomes one of a phone, dark, which
is then made narrower still, has its text doubled, and is laid out for paper.
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
from tests.hosted.test_in_a_browser import (
    CHROMIUM,
    TAKES_PICTURES,
    View,
    browser,
    findings,
    keep_picture,
    new_context,
)
from tests.hosted.test_in_a_browser import VIEWS as EACH_VIEW
from tests.running import PATIENCE

__all__ = ["VIEWS", "View", "browser"]
# What must come is waited for as long as a busy machine needs.
expect.set_options(timeout=PATIENCE * 1000)
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which .ci/run installs")
PICTURES = Path(__file__).parent / "pictures"
# The views in which a page is opened, and those that its window takes there one after another.
VIEWS = EACH_VIEW if TAKES_PICTURES else EACH_VIEW[:1]
PHONE: View = (390, "dark")
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
    PICTURES.mkdir(exist_ok=True)
    context = await new_context(browser, base_url=base_url, locale="en")
    page = await context.new_page()
    faults = watched(page)
    if token:
        await context.add_cookies([{"name": COOKIE, "value": token, "url": base_url}])
    views = [view] if TAKES_PICTURES or view == PHONE else [view, PHONE]
    for number, (name, path) in enumerate(pages.items()):
        await show(page, views[0])
        answer = await page.goto(path)
        assert answer, name
        assert answer.status == 200, name
        for each in views:
            await show(page, each)
            await keep_picture(page, PICTURES / f"{name}-{each[0]}-{each[1]}.png")
            assert await page.evaluate("document.documentElement.scrollWidth") <= each[0], (name, each)
            assert faults == [], name
            axe_findings = await findings(page, FRAME if token and number else (), is_again=each != views[0])
            assert axe_findings == [], (name, each, axe_findings)
            await look_closer(page, name, each[0])
    await context.close()


async def show(page: Page, view: View) -> None:
    """Give a page the width and the colours of a view, to which they do not fade."""
    width, scheme = view
    colours: Any = scheme
    await page.set_viewport_size({"width": width, "height": 800})
    await page.emulate_media(color_scheme=colours)
    await page.evaluate("document.getAnimations().forEach(each => each instanceof CSSTransition && each.finish())")
