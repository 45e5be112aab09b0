"""The demo: what is offered is open, pages are readable at 320 pixels, and the main jobs are done without a mouse."""

import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from fanfare.console.shell.access import Access, manage
from fanfare.demo import create_demo
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.staff.schemas.roles import AREA_NAMES, Rights, rights_of
from tests.conftest import serving
from tests.console.keyboard import ACTIVE, IS_FOCUSED, fill, press, tab_to
from tests.console.looking import NEEDS_CHROMIUM, browser, watched
from tests.console.offers import kind_of, offers_of
from tests.console.people import (
    COOKIE,
    PASSWORD,
    accept,
    add_person,
    code_at,
    invitation_path,
    session_cookie,
    set_up_app,
    signed_in,
)
from tests.console.visits import many_visits
from tests.hosted.pages import visitor
from tests.hosted.test_in_a_browser import new_context

__all__ = ["browser", "many_visits"]
FANS = 40
# Role, whether they are limited to businesses, and their own rights.
PEOPLE: dict[str, tuple[str, bool, dict[str, list[str]]]] = {
    "editor": ("editor", False, {}),
    "analyst": ("analyst", False, {}),
    "legal": ("legal", False, {}),
    "reader of everything": ("custom", False, {area: ["read"] for area in AREA_NAMES}),
    "reader of fans": ("custom", False, {"fans": ["read"]}),
    "full, limited": ("full", True, {}),
    "analyst, limited": ("analyst", True, {}),
}


@pytest.fixture(scope="module")
def base_url(settings: Settings) -> Iterator[str]:
    """A server whose public address it is, too: pages show its pictures."""
    with serving(settings, host="127.0.0.1") as url:
        yield url


@pytest.fixture(scope="module")
async def account_id(db: Db) -> int:
    """The account of a demo."""
    return (await create_demo(db, FANS, datetime.now(UTC))).account_id


@pytest.fixture
async def client(
    base_url: str, db: Db, account_id: int, request: pytest.FixtureRequest
) -> AsyncIterator[httpx.AsyncClient]:
    role, is_limited, custom_rights = PEOPLE[request.param]
    sql = "select business_id from businesses where account_id = $1 order by business_id limit 1"
    values: dict[str, Any] = {"custom_rights": custom_rights, "email": f"{request.param}@example.com"}
    if is_limited:
        values["business_ids"] = [await db.value(sql, account_id)]
    async with signed_in(base_url, db, account_id, role, **values) as client:
        yield client


def access_to(path: str) -> Access | None:
    """Return what the target of a form needs."""
    for (method, template), access in manage.accesses.items():
        if method == "POST" and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path.partition("?")[0]):
            return access
    return None


def closed_targets(html: str, rights: Rights, *, is_limited: bool) -> list[str]:
    """Return where forms of a page lead that are refused."""
    result = []
    for target in offers_of(html).targets:
        access = access_to(target)
        if access and (access.right not in rights.get(access.area, ()) or (access.is_account_wide and is_limited)):
            result.append(target)
    return result


@pytest.mark.parametrize(("client", "name"), [(name, name) for name in PEOPLE], indirect=["client"], ids=list(PEOPLE))
async def test_what_is_offered_is_open(client: httpx.AsyncClient, name: str) -> None:
    role, is_limited, custom_rights = PEOPLE[name]
    rights = rights_of(role, custom_rights, is_limited=is_limited)
    paths, kinds, faults = deque([("/manage", "")]), set(), []
    while paths:
        path, origin = paths.popleft()
        if kind_of(path) in kinds:
            continue
        kinds.add(kind_of(path))
        page = await client.get(path)
        if page.status_code == 303:
            paths.appendleft((page.headers["location"], path))
        elif page.status_code != 200:
            faults.append((page.status_code, path, origin))
        if page.headers.get("content-type", "").startswith("text/html"):
            paths += [(each, path) for each in offers_of(page.text).links]
            faults += [(403, each, path) for each in closed_targets(page.text, rights, is_limited=is_limited)]
    assert faults == []
    assert any(kind.endswith("/fans/1") for kind in kinds)


@NEEDS_CHROMIUM
async def test_every_page_has_room_in_a_narrow_window(browser: Browser, base_url: str, db: Db, account_id: int) -> None:
    context = await new_context(browser, base_url=base_url, viewport={"width": 320, "height": 700}, locale="en")
    token = await session_cookie(db, await add_person(db, account_id, "narrow@example.com"))
    await context.add_cookies([{"name": COOKIE, "value": token, "url": base_url}])
    page = await context.new_page()
    complaints = watched(page)
    paths, kinds, faults = deque([f"/manage/{account_id}"]), set(), []
    while paths:
        path = paths.popleft()
        # A download is no page.
        if kind_of(path) in kinds or re.search("download|/qr|/export$", path.partition("?")[0]):
            continue
        kinds.add(kind_of(path))
        answer = await page.goto(path, wait_until="domcontentloaded")
        assert answer, path
        assert answer.status == 200, path
        width = await page.evaluate("document.documentElement.scrollWidth")
        faults += [(path, width)] if width > 320 else []
        paths += offers_of(await answer.text()).links
    assert (faults, complaints) == ([], [])
    assert len(kinds) > 90
    await context.close()


@pytest.fixture
async def keyboard(browser: Browser, base_url: str, db: Db, account_id: int) -> AsyncIterator[Page]:
    """The sign-in, before somebody with a password and an app, who signs in by the keyboard."""
    email = f"keys{datetime.now(UTC).timestamp()}@example.com"
    async with visitor(base_url) as client:
        await accept(client, await invitation_path(db, account_id, email))
        app, _ = await set_up_app(client)
    context = await new_context(browser, base_url=base_url, viewport={"width": 1280, "height": 800}, locale="en")
    page = await context.new_page()
    complaints = watched(page)
    await page.goto("/manage/sign_in")
    await fill(page, page.get_by_label("Email"), email)
    await fill(page, page.get_by_label("Password"), PASSWORD)
    await page.keyboard.press("Enter")
    await fill(page, page.get_by_label("Code of your app"), code_at(app, datetime.now(UTC)))
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Home", exact=True).wait_for()
    yield page
    assert complaints == []
    await context.close()


async def go(page: Page, text: str) -> None:
    """Go to a page, a thing or an action by the palette, whose script runs once the page has been read."""
    await page.wait_for_load_state("domcontentloaded")
    await page.keyboard.press("Control+k")
    await page.keyboard.type(text)
    await expect(page.locator("#palette [aria-selected=true]")).to_contain_text(text)
    await page.keyboard.press("Enter")


@NEEDS_CHROMIUM
async def test_fans_are_found_and_saved_without_a_mouse(keyboard: Page) -> None:
    page = keyboard
    # The palette gives the focus back.
    await press(page, page.get_by_role("link", name="Segments"))
    await page.get_by_role("heading", name="Segments", exact=True).wait_for()
    await tab_to(page, page.get_by_role("link", name="Fans", exact=True))
    await page.keyboard.press("Control+k")
    await page.keyboard.press("Escape")
    assert await page.get_by_role("link", name="Fans", exact=True).evaluate(IS_FOCUSED)
    await go(page, "Fans")
    await page.get_by_role("heading", name="Fans", exact=True).wait_for()
    # A menu is gone through by its letters, and the criterion added by Enter: the focus is in its slot then.
    await tab_to(page, page.get_by_label("Add a criterion"))
    await page.keyboard.type("are at l")
    assert await page.get_by_role("button", name="Take out").count() == 0
    await page.keyboard.press("Enter")
    slot = page.locator("#fan_youngest_age-slot, #fan_oldest_age-slot").first
    await slot.wait_for()
    assert await page.locator(".slot:focus").count() == 1, await page.evaluate(ACTIVE)
    await page.keyboard.type("18")
    await press(page, page.get_by_role("link", name="Save filter"))
    await fill(page, page.get_by_label("Name of the filter"), "Grown up")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/fans?fan_incl_segments*")
    await page.get_by_text("Grown up").first.wait_for()


@NEEDS_CHROMIUM
async def test_a_campaign_is_made_and_a_key_without_a_mouse(keyboard: Page) -> None:
    page = keyboard
    await go(page, "New campaign")
    await press(page, page.get_by_role("link", name="Quiz", exact=True))
    await fill(page, page.get_by_label("Title"), "Quiz by keys")
    await press(page, page.get_by_role("button", name="Create the campaign"))
    await page.get_by_role("heading", name="Quiz by keys").wait_for()
    await go(page, "New key")
    await fill(page, page.get_by_label("What it is for"), "Made by keys")
    await press(page, page.get_by_role("checkbox", name=re.compile("^apps ")), "Space")
    await press(page, page.get_by_role("button", name="Make the key"))
    await page.locator("#api-secret").wait_for()
    await go(page, "API console")
    await press(page, page.get_by_role("button", name="Send"))
    await expect(page.locator("#answer-status")).to_contain_text("200")


@NEEDS_CHROMIUM
async def test_a_pass_is_checked_in_without_a_mouse(keyboard: Page, db: Db, account_id: int) -> None:
    page = keyboard
    row = await db.row(OPEN_PASS, account_id)
    assert row
    await page.goto(f"/manage/{account_id}/passes/{row['page_tab_id']}/{row['pass_uid']}")
    await fill(page, page.get_by_label("Gate"), "North")
    await press(page, page.get_by_role("button", name="Check in"))
    await page.get_by_role("status").wait_for()
    sql = "select gate_name from passes where account_id = $1 and pass_uid = $2"
    assert await db.value(sql, account_id, row["pass_uid"]) == "North"


OPEN_PASS = """
    select page_tab_id, pass_uid from passes
    where account_id = $1 and checked_in_at is null and cancelled_at is null order by pass_id limit 1
"""
