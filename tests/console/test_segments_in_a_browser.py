"""The pages of segments in Chromium: every page in each view, and the main jobs."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.looking import NEEDS_CHROMIUM, VIEWS, View, base_url, browser, context, look_at, signed_in_page
from tests.console.people import add_person, session_cookie
from tests.search.crowd import fan, tag
from tests.segments.live import saved, settle

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM
CITIES = ("Vancouver", "Burnaby", "Victoria", "Seattle")


class World(NamedTuple):
    """A filter with groups and history, one it refers to, a tag and a snapshot; and one of its fans."""

    filter_uid: str
    snapshot_uid: str
    tag_id: int
    fan_id: int


@pytest.fixture(scope="module")
async def world(api: Api, db: Db) -> World:
    now = datetime.now(UTC)
    fans = [await person(db, api.account_id, number) for number in range(24)]
    tag_id = await tag(db, api.account_id, "Season ticket", *fans[:15])
    values = {"snapshot_name": "Opening night", "fan_ids": fans[8:20]}
    snapshot = await api.ok(await api.post("/api/v1/manage/snapshots", **values))
    partners = await saved(api, "Staff and partners", fan_source="partners")
    groups = [
        {"any": [{"fan_tags": "Season ticket"}, {"all": [{"fan_gender": "female"}, {"fan_provinces": "BC"}]}]},
        {"none": [{"fan_incl_segments": f"filter:{partners}"}]},
    ]
    uid = await saved(api, "Locals, lapsing", groups=groups, group_name="Season")
    await settle(db, api.account_id, now - timedelta(days=40))
    for number in range(6):
        action = "add" if number % 3 else "delete"
        some = fans[15 + number : 17 + number] if number % 3 else fans[number : number + 1]
        await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="Season ticket", action=action, fan_ids=some))
        await settle(db, api.account_id, now - timedelta(days=36 - 6 * number))
    await saved(api, "Nobody yet", fan_source="nowhere", is_active=False)
    return World(uid, snapshot["snapshot_uid"], tag_id, fans[1])


async def person(db: Db, account_id: int, number: int) -> int:
    return await fan(
        db, account_id, first_name=f"Ann{number}", last_name="Berg", email=f"ann{number}@example.com",
        gender=("female", "male", "diverse", None)[number % 4], province="BC", city=CITIES[number % 4],
        country_code="CA", metro_area=CITIES[number % 2], is_subscribed=number % 3 == 0, rating=1 + number % 5,
        birth_date=datetime(1960 + 2 * number, 3, 1, tzinfo=UTC).date(), latitude=49.0 + number % 4 / 5,
        longitude=-123.0 - number % 4 / 3,
    )  # fmt: skip


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view[0]}-{view[1]}")
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, db: Db, api: Api, world: World, view: View
) -> None:
    root = f"/manage/{api.account_id}/segments"
    one = f"{root}/filter/{world.filter_uid}"
    segments = f"segments=filter:{world.filter_uid}&segments=tag:{world.tag_id}&segments=snapshot:{world.snapshot_uid}"
    pages = {
        "segments": root,
        "segments-tags": f"{root}?kind=tag&is_counted=true",
        "segment": one,
        "segment-figures": f"{one}/figures",
        "segment-members": f"{one}/members",
        "segment-past": f"{one}/members?day={(datetime.now(UTC) - timedelta(days=20)).date()}",
        "segment-new": f"{root}/new",
        "segment-edit": f"{one}/edit",
        "segment-why": f"{one}/why?fan_id={world.fan_id}",
        "segment-snapshot": f"{root}/snapshot/{world.snapshot_uid}",
        "segment-tag": f"{root}/tag/{world.tag_id}",
        "segments-compare": f"{root}/compare?{segments}",
    }
    token = await session_cookie(db, await add_person(db, api.account_id, f"sees{view[0]}@example.com"))
    await look_at(browser, base_url, view, pages, token)


@pytest.mark.usefixtures("world")
async def test_a_filter_is_renamed_and_frozen_and_its_snapshot_deleted(
    context: BrowserContext, db: Db, api: Api
) -> None:
    page = await signed_in_page(context, db, api.account_id, "renames@example.com")
    uid = await saved(api, "First name", fan_gender="female")
    await page.goto(f"/manage/{api.account_id}/segments/filter/{uid}")
    await page.get_by_text("Fans now").wait_for()
    await page.locator("summary", has_text="Rename").click()
    await page.get_by_label("Name", exact=True).fill("Second name")
    await page.get_by_role("button", name="Save the name").click()
    await page.get_by_role("heading", name="Second name").wait_for()
    await page.locator("summary", has_text="Make a snapshot").click()
    await page.get_by_label("Name of the snapshot").fill("Frozen women")
    await page.get_by_role("button", name="Freeze").click()
    await page.get_by_role("heading", name="Frozen women").wait_for()
    await page.get_by_role("status").get_by_text("6 fans are frozen.").wait_for()
    await page.locator("summary", has_text="Delete").click()
    await page.get_by_role("button", name="Delete “Frozen women”").click()
    await page.get_by_role("heading", name="Segments", exact=True).wait_for()
    assert await page.get_by_role("link", name="Frozen women").count() == 0


async def test_what_is_referred_to_cannot_be_deleted(context: BrowserContext, db: Db, api: Api, world: World) -> None:
    page = await signed_in_page(context, db, api.account_id, "deletes@example.com")
    await page.goto(f"/manage/{api.account_id}/segments/tag/{world.tag_id}")
    await page.get_by_role("link", name="Locals, lapsing").wait_for()
    await page.locator("summary", has_text="Delete").click()
    await page.get_by_text("It cannot be deleted while other filters name it.").wait_for()


@pytest.mark.usefixtures("world")
async def test_segments_are_compared(context: BrowserContext, db: Db, api: Api) -> None:
    page = await signed_in_page(context, db, api.account_id, "compares@example.com")
    await page.goto(f"/manage/{api.account_id}/segments")
    await page.get_by_role("link", name="Compare").click()
    await page.get_by_label("Segment 1").select_option(label="Season ticket")
    await page.get_by_label("Segment 2").select_option(label="Opening night")
    await page.get_by_role("button", name="Compare", exact=True).click()
    await page.get_by_role("heading", name=re.compile("fans are in one or more")).wait_for()
    assert await page.get_by_role("row").count() == 4


async def settled(page: Page, selector: str) -> None:
    """Wait for an element of a partial update, and until its attributes are in force."""
    await page.locator(selector).wait_for()
    await page.locator(".htmx-added, .htmx-settling, .htmx-swapping").first.wait_for(state="detached")


@pytest.mark.usefixtures("world")
async def test_a_filter_with_a_group_is_made_and_changed(context: BrowserContext, db: Db, api: Api) -> None:
    page = await signed_in_page(context, db, api.account_id, "builds@example.com")
    await page.goto(f"/manage/{api.account_id}/segments/new")
    await page.get_by_role("button", name="Add a group").click()
    await settled(page, "#g2-add")
    await page.locator("#g2-add").select_option(value="fan_gender")
    await settled(page, "#g2-fan_gender-slot")
    await page.locator("#g2-fan_gender-slot").select_option(value="female")
    await page.get_by_role("button", name="Add a part").click()
    await settled(page, "#g3-add")
    await page.locator("#g3-add").select_option(value="fan_youngest_age")
    await settled(page, "#g3-fan_youngest_age-slot")
    await page.locator("#g3-fan_youngest_age-slot").fill("60")
    await page.locator(".tally output").get_by_text("9", exact=True).wait_for()
    await page.get_by_label("Name of the filter").fill("Women or elders")
    await page.get_by_role("button", name="Save the filter").click()
    await page.get_by_role("heading", name="Women or elders").wait_for()
    await page.get_by_text("at least one of").wait_for()
    uid = page.url.rpartition("/")[2]
    criteria = (await api.ok(await api.get(f"/api/v1/manage/filters/{uid}")))["criteria"]
    assert criteria == {"groups": [{"any": [{"fan_gender": "female"}, {"fan_youngest_age": 60}]}]}
    await page.get_by_role("link", name="Change the criteria").click()
    await page.get_by_role("combobox", name="How many of group 1 must hold").select_option(value="none")
    await page.get_by_role("button", name="Save the criteria").click()
    await page.get_by_text("none of").wait_for()
    criteria = (await api.ok(await api.get(f"/api/v1/manage/filters/{uid}")))["criteria"]
    assert criteria == {"groups": [{"none": [{"fan_gender": "female"}, {"fan_youngest_age": 60}]}]}
