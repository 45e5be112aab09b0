"""The demo, which has something of everything: what is offered is open, and every page is readable at 320 pixels."""

import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser

from fanfare.console.shell.access import Access, manage
from fanfare.demo import create_demo
from fanfare.kernel.data import limits
from fanfare.kernel.data.db import Db
from fanfare.staff.schemas.roles import AREA_NAMES, Rights, rights_of
from tests.console.looking import NEEDS_CHROMIUM, browser, watched
from tests.console.offers import kind_of, offers_of
from tests.console.people import COOKIE, add_person, session_cookie, signed_in
from tests.hosted.test_in_a_browser import new_context

__all__ = ["browser"]
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


@pytest.fixture(autouse=True, scope="module")
def many_visits() -> Iterator[None]:
    """All pages are opened from one address, within few minutes."""
    before = limits.VISIT_LIMITS[limits.Visits.STAFF]
    limits.VISIT_LIMITS[limits.Visits.STAFF] = 100 * before
    yield
    limits.VISIT_LIMITS[limits.Visits.STAFF] = before


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
