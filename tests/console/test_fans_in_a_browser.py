"""The search of fans in Chromium: criteria as sentences, the count beside them, filters that are live."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from fanfare.fan_jobs.actions import running
from fanfare.kernel.data.db import Db
from tests.api import Api
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
from tests.hosted.test_in_a_browser import new_context

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM
FANS = (
    ("Maren", "Castellane", "Vancouver", "BC"), ("Idris", "Pellwood", "Victoria", "BC"),
    ("Tove", "Abara-Lind", "Toronto", "ON"), ("Noa", "Venn", "Vancouver", "BC"),
)  # fmt: skip


@pytest.fixture(scope="module")
async def club(api: Api, db: Db) -> Api:
    """An account with fans, tags and a filter."""
    for number, (first_name, last_name, city, province) in enumerate(FANS):
        await api.ok(
            await api.post(
                "/api/v1/crm/fans", first_name=first_name, last_name=last_name, city=city, province=province,
                email=f"{first_name.lower()}@example.com", is_subscribed=number % 2 == 0, phone=f"+1604555010{number}",
                country_code="CA", birth_date=f"199{number}-05-01", gender="female",
            )
        )  # fmt: skip
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="Season ticket", emails=["maren@example.com"]))
    await api.ok(await api.post("/api/v1/manage/filters", filter_name="Locals", fan_provinces=["BC"]))
    await api.ok(await api.post("/api/v1/manage/points", point_name="Loyalty"))
    for name in ("Locals 2026", "Away travel"):
        await api.ok(await api.post("/api/v1/manage/fan_jobs", action="tag", tag_name=name, fan_provinces=["BC"]))
        while await running.work(db.for_account(api.account_id), api.account_id, datetime.now(UTC)):
            pass
    return api


@pytest.fixture(scope="module")
async def reader(db: Db, club: Api) -> str:
    """The session of a person who may read everything."""
    return await session_cookie(db, await add_person(db, club.account_id, "looking@example.com"))


def pages_of(account_id: int) -> dict[str, str]:
    """Return the pages of the search, by name."""
    root = f"/manage/{account_id}"
    query = (
        "fan_provinces[]=BC&fan_provinces[]=ON&fan_is_subscribed=true&ticket_seat_count_min=2"
        "&ticket_purchased_days=365&fan_tags[]=Season+ticket&fan_youngest_age=old&fan_excl_segments[]=Locals"
    )
    return {
        "fans": f"{root}/fans?count=true",
        "fans-criteria": f"{root}/fans?{query}",
        "fans-nobody": f"{root}/fans?fan_oldest_age=3&count=true",
        "fans-save": f"{root}/fans/save?fan_provinces[]=BC&fan_is_subscribed=true",
        "fans-with-all": f"{root}/fans/action?fan_provinces[]=BC",
        "fans-award": f"{root}/fans/action?action=award&fan_provinces[]=BC",
        "fans-erasure": f"{root}/fans/erasure?action=erase&fan_provinces[]=BC",
        "fan-jobs": f"{root}/fan_jobs",
    }


@pytest.mark.parametrize("view", VIEWS, ids=str)
async def test_every_page_can_be_read(browser: Browser, base_url: str, club: Api, reader: str, view: View) -> None:
    await look_at(browser, base_url, view, pages_of(club.account_id), reader)


async def save_filter(page: Page, name: str) -> None:
    """Save the search as a filter, and wait for its fans."""
    await page.get_by_role("link", name="Save filter").click()
    await page.get_by_label("Name of the filter").fill(name)
    await page.get_by_role("button", name="Save filter").click()
    await page.get_by_text(f"The filter {name} is saved.").wait_for()
    await page.get_by_text(f"{name} · filter").wait_for()


async def test_fans_are_found_and_a_filter_of_them_is_live(context: BrowserContext, db: Db, club: Api) -> None:
    page = await signed_in_page(context, db, club.account_id, "finder@example.com")
    faults = watched(page)
    await page.goto(f"/manage/{club.account_id}/fans")
    number = page.locator("#tally output")
    await number.filter(has_text="4").wait_for()
    await page.get_by_label("Add a criterion").select_option(label="live in the province …")
    slot = page.get_by_label("live in the province …", exact=True)
    await slot.fill("BC")
    # The number follows while somebody types, and the list when the slot is left.
    await number.filter(has_text="3").wait_for()
    await slot.press("Tab")
    await page.locator(".criteria .tag", has_text="BC").wait_for()
    await page.wait_for_url("**/fans?fan_provinces*=BC")
    await page.get_by_label("Add a criterion").select_option(label="are at least … years old")
    await page.get_by_label("are at least … years old", exact=True).fill("30")
    await page.wait_for_function("document.querySelectorAll('#results tbody tr').length < 4")
    await page.locator("#tally a", has_text="Save filter").wait_for()
    await page.get_by_role("button", name="Take out: are at least … years old").click()
    await page.get_by_label("are at least … years old", exact=True).wait_for(state="detached")
    await number.filter(has_text="3").wait_for()
    await save_filter(page, "Westerners")
    await number.filter(has_text="3").wait_for()
    new = {"email": "new@example.com", "first_name": "New", "last_name": "Comer", "province": "BC"}
    await club.ok(await club.post("/api/v1/crm/fans", **new, country_code="CA"))
    await page.reload()
    await number.filter(has_text="4").wait_for()
    await page.get_by_role("link", name="New Comer").wait_for()
    assert faults == []


async def test_picked_fans_get_a_tag_by_a_job(context: BrowserContext, db: Db, club: Api) -> None:
    page = await signed_in_page(context, db, club.account_id, "tagger@example.com")
    faults = watched(page)
    await page.goto(f"/manage/{club.account_id}/fans")
    await page.get_by_label("Pick Maren Castellane").check()
    await page.get_by_label("Pick Noa Venn").check()
    await page.get_by_text("2 picked").wait_for()
    await page.get_by_role("button", name="Tag", exact=True).click()
    await page.get_by_text("The fans that you picked").wait_for()
    await page.get_by_label("Tag", exact=True).fill("Front row")
    await page.get_by_role("button", name="Tag 2 fans").click()
    await page.get_by_text("running").wait_for()
    while await running.work(db.for_account(club.account_id), club.account_id, datetime.now(UTC)):
        pass
    # The page follows the job by itself.
    await page.get_by_text("2 of 2 fans").wait_for()
    await page.get_by_role("link", name="Show its fans").click()
    await page.get_by_role("link", name="Noa Venn").wait_for()
    await page.locator("#tally output", has_text="2").wait_for()
    assert faults == []


async def test_the_search_works_without_a_script(browser: Browser, base_url: str, db: Db, club: Api) -> None:
    context = await new_context(browser, base_url=base_url, locale="en", java_script_enabled=False)
    page = await signed_in_page(context, db, club.account_id, "plain@example.com")
    await page.goto(f"/manage/{club.account_id}/fans")
    await page.get_by_label("Add a criterion").select_option(label="live in the province …")
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_label("live in the province …", exact=True).fill("ON")
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("link", name="Tove Abara-Lind").wait_for()
    await page.locator(".criteria .tag", has_text="ON").wait_for()
    await page.get_by_role("button", name="Take out ON").click()
    await page.locator(".criteria .tag").wait_for(state="detached")
    await context.close()


CHANGE_AT_ONCE = """
    () => document.addEventListener("htmx:afterSwap", function change({detail}) {
        if (detail.target.id !== "search") return;
        document.removeEventListener("htmx:afterSwap", change);
        setTimeout(() => {
            const menu = document.getElementById("add");
            menu.value = "fan_gender";
            menu.dispatchEvent(new Event("change", {bubbles: true}));
        });
    })
"""
REPLACE = "(link) => link.replaceWith(link.cloneNode(true))"


async def test_what_is_done_while_the_page_is_updated_counts(db: Db, club: Api, context: BrowserContext) -> None:
    page = await signed_in_page(context, db, club.account_id, "quick@example.com")
    await page.goto(f"/manage/{club.account_id}/fans")
    # As soon as a part has come, its menu works.
    await page.evaluate(CHANGE_AT_ONCE)
    await page.get_by_label("Add a criterion").select_option("fan_youngest_age")
    await page.locator("#fan_gender-slot").wait_for()
    await page.locator("#fan_youngest_age-slot").wait_for()
    # A link that is replaced between press and release is followed.
    await page.goto(f"/manage/{club.account_id}/fans?fan_provinces[]=BC&count=true")
    link = page.get_by_role("link", name="With all of them…")
    await link.hover()
    await page.mouse.down()
    await link.evaluate(REPLACE)
    await page.mouse.up()
    await page.wait_for_url("**/fans/action?**")


async def test_the_focus_stays_with_what_is_replaced(db: Db, club: Api, context: BrowserContext) -> None:
    page = await signed_in_page(context, db, club.account_id, "focus@example.com")
    await page.goto(f"/manage/{club.account_id}/fans?fan_youngest_age=18&fan_oldest_age=60")
    # With a mouse, a criterion is added at once, and its slot has the focus.
    await page.get_by_label("Add a criterion").select_option("crm_active_days")
    await page.locator("#crm_active_days-slot:focus").wait_for()
    drop = page.get_by_role("button", name="Take out").first
    await drop.focus()
    await page.keyboard.press("Enter")
    await page.locator("#fan_youngest_age-slot").wait_for(state="detached")
    await page.locator("#search :focus").wait_for()
