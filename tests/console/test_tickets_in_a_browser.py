"""Pages of tickets in Chromium: what each looks like, figures that come after the page, a pass that is checked in."""

from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.box_office import BoxOffice, open_box_office
from tests.console.looking import (
    NEEDS_CHROMIUM,
    VIEWS,
    View,
    base_url,
    browser,
    context,
    look_at,
    signed_in_page,
    watched,
)
from tests.console.people import add_person, session_cookie

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
async def office(api: Api) -> BoxOffice:
    return await open_box_office(api)


@pytest.fixture(scope="module")
async def pages(api: Api, office: BoxOffice) -> dict[str, str]:
    root = f"/manage/{api.account_id}"
    event, passes = f"{root}/tickets/{office.event_uid}", f"{root}/passes/{office.page_tab_id}"
    return {
        "tickets": f"{root}/tickets?period=all&has_figures=true",
        "tickets-waiting": f"{root}/tickets?period=all",
        "tickets-none": f"{root}/tickets?text=nowhere",
        "event": f"{event}?has_figures=true",
        "event-gates": event + "/gates?is_paused=true",
        "event-scans": f"{event}/scans",
        "pass-campaigns": f"{root}/passes",
        "passes": passes,
        "pass": f"{passes}/{office.passes[0]['pass_uid']}",
        "registrations": f"{root}/registrations",
    }


@pytest.fixture(scope="module")
async def token(db: Db, api: Api) -> str:
    return await session_cookie(db, await add_person(db, api.account_id, "tickets@example.com"))


@pytest.mark.parametrize("view", VIEWS, ids=str)
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, pages: dict[str, str], token: str, view: View
) -> None:
    await look_at(browser, base_url, view, pages, token)


async def test_a_pass_is_checked_in(db: Db, api: Api, context: BrowserContext, office: BoxOffice) -> None:
    page = await signed_in_page(context, db, api.account_id, "gate@example.com")
    faults = watched(page)
    await page.goto(f"/manage/{api.account_id}")
    await page.get_by_role("link", name="Tickets").click()
    await page.get_by_role("link", name="Harbour City FC - Emerald Sound").click()
    # the figures came after the page
    await page.get_by_role("cell", name="ADULT").or_(page.get_by_role("rowheader", name="ADULT")).wait_for()
    await page.get_by_role("link", name="Gates", exact=True).click()
    code = office.passes[5]["pass_code"]
    await page.get_by_label("Code of the pass").fill(code)
    await page.get_by_label("Gate", exact=True).fill("Desk 7")
    await page.get_by_role("button", name="Check in").click()
    await page.get_by_text(f"Let in: {code} at Desk 7.").wait_for()
    await page.get_by_label("Code of the pass").fill(code)
    await page.get_by_role("button", name="Check in").click()
    await page.get_by_text("Not let in: the pass was used before.").wait_for()
    assert await page.get_by_label("Gate", exact=True).input_value() == "Desk 7"
    await page.get_by_role("link", name="Scans", exact=True).click()
    await page.get_by_text("Came in at Desk 7 on").first.wait_for()
    assert faults == []


async def test_the_gates_are_updated_and_keep_what_is_typed(
    db: Db, api: Api, context: BrowserContext, office: BoxOffice
) -> None:
    page = await signed_in_page(context, db, api.account_id, "live@example.com")
    faults = watched(page)
    await page.goto(f"/manage/{api.account_id}/tickets/{office.event_uid}/gates")
    await page.get_by_label("Code of the pass").fill("ABCD")
    check_in = f"/api/v1/campaigns/{office.page_tab_id}/passes/check_in"
    values: dict[str, Any] = {"pass_uid": office.passes[6]["pass_uid"], "gate_name": "Late gate"}
    await api.ok(await api.post(check_in, **values))
    await page.get_by_role("rowheader", name="Late gate").wait_for()
    assert await page.get_by_label("Code of the pass").input_value() == "ABCD"
    assert faults == []
