"""The pages of one fan in Chromium: each can be read, and a merge and its undoing go by keyboard alone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page

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
from tests.profiles.made import Post, made_fan, poster
from tests.segments.live import settle

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM

PERSON = {"first_name": "Maren", "last_name": "Castellane", "birth_date": "1991-05-09"}


# A file of an export that is complete at a storage.
COPY = """
    insert into export_objects (account_id, object_id, export_uid, table_name, endpoint, bucket, object_key,
                                completed_at)
    values ($1, nextval('positions'), gen_random_uuid(), 'fan_performances', 'https://s3.eu-central-1.amazonaws.com',
            'foundry-warehouse', 'fanfare/fan_performances/fan_performances_20261127T040000Z_9d2c41aa.ndjson.gz', now())
"""


@pytest.fixture(scope="module")
async def fans(api: Api, db: Db) -> dict[str, Any]:
    """Maren, a second record of hers, a merge, requests for erasure and an erasure."""
    post = poster(api)
    await post("manage/fields", crm_field_key="comes_by", field_type="text")
    await post("manage/fields", crm_field_key="newsletter", field_type="choice", field_options=["weekly", "monthly"])
    values = await made_fan(
        api, phone="604-555-0142", country_code="CA", city="Vancouver", province="BC", postal_code="V5K 0A1",
        display_name="HarbourHeron", ip_address="203.0.113.24", field_comes_by="ferry",
    )  # fmt: skip
    fan_id = values["fan_id"]
    await post("manage/businesses", business_name="The Foundry Hall")
    for name in ("Derby attendee", "Junior parent", "Away travel"):
        await post("manage/tags/fans", tag_name=name, fan_ids=[fan_id])
    await post(f"manage/fans/{fan_id}/identifiers", network="boxoffice", identifier_value="C-448120")
    await _interests(post, fan_id)
    filter_uid = (await post("manage/filters", filter_name="Locals", fan_provinces="BC"))["filter_uid"]
    await post("manage/snapshots", snapshot_name="Opening night", fan_ids=[fan_id])
    await post("manage/suppressions", channel="sms", recipient="604-555-0142")
    twin = (await post("crm/fans", email="m.castellane@example.net", city="Burnaby", country_code="CA", **PERSON))[
        "fan_id"
    ]
    await post(f"crm/fans/{twin}/activities", campaign_title="Old quiz")
    old = (await post("crm/fans", email="older@example.com", **PERSON))["fan_id"]
    await post(f"manage/fans/{fan_id}/merge", merged_fan_id=old)
    erasure_id = await _erasure(api, db)
    request = await post("manage/erasure_requests", fan_id=twin)
    await settle(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    ids = {"fan_id": fan_id, "twin": twin, "old": old, "erasure_id": erasure_id}
    return {**values, **request, "filter_uid": filter_uid, **ids}


async def _erasure(api: Api, db: Db) -> int:
    """Erase a fan of whom a storage has a copy, and return the id of the certificate."""
    gone = (await poster(api)("crm/fans", email="gone@example.com"))["fan_id"]
    await db.execute(COPY, api.account_id)
    erasure_id: int = (await poster(api)(f"manage/fans/{gone}/erase"))["erasure_id"]
    return erasure_id


async def _interests(post: Post, fan_id: int) -> None:
    idol = (await post("idols", idol_name="Mika Laine", idol_type="team"))["idol_uid"]
    await post(f"crm/fans/{fan_id}/idols", action="add", idol_uid=idol)
    show = await post("performances", performance_name="Bow River", performance_date="2026-12-03")
    await post(f"crm/fans/{fan_id}/performances", performance_uid=show["performance_uid"])


@pytest.mark.parametrize("view", VIEWS)
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, db: Db, api: Api, fans: dict[str, Any], view: View
) -> None:
    root = f"/manage/{api.account_id}"
    fan = f"{root}/fans/{fans['fan_id']}"
    pages = {
        "fan": fan,
        "fan-timeline": f"{fan}/timeline?view=record",
        "fan-why": f"{fan}/filters/{fans['filter_uid']}",
        "fan-edit": f"{fan}/edit",
        "fan-points": f"{fan}/points",
        "fan-consents": f"{fan}/consents",
        "fan-merge": f"{fan}/merge?text=castellane",
        "fan-compare": f"{fan}/merge/{fans['twin']}",
        "fan-merges": f"{fan}/merges",
        "fan-unmerge": f"{fan}/merges/{fans['old']}",
        "fan-erase": f"{fan}/erase",
        "merges": f"{root}/merges",
        "erasures": f"{root}/erasures",
        "erasure-objects": f"{root}/erasures/{fans['erasure_id']}/objects",
        "erasure-requests": f"{root}/erasure_requests",
        "erasure-request": f"{root}/erasure_requests/{fans['erasure_request_id']}",
    }
    token = await session_cookie(db, await add_person(db, api.account_id, f"reads-{view[0]}-{view[1]}@example.com"))
    await look_at(browser, base_url, view, pages, token)
    masked = await session_cookie(
        db, await add_person(db, api.account_id, f"masked-{view[0]}-{view[1]}@example.com", "analyst")
    )
    await look_at(browser, base_url, view, {"fan-masked": fan}, masked)


async def press_until(page: Page, name: str) -> None:
    """Go on with the tab key to the link or button of this name, and press it."""
    for _ in range(80):
        await page.keyboard.press("Tab")
        text = await page.evaluate(
            "(document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || '').trim()"
        )
        if text == name:
            await page.keyboard.press("Enter")
            return
    message = f"{name} cannot be reached by keyboard"
    raise AssertionError(message)


async def test_merged_and_unmerged_by_keyboard(db: Db, api: Api, context: BrowserContext) -> None:
    post = poster(api)
    first = (await post("crm/fans", email="ada@example.com", first_name="Ada", last_name="Stone"))["fan_id"]
    second = (await post("crm/fans", email="ada.old@example.com", first_name="A.", last_name="Stone"))["fan_id"]
    page = await signed_in_page(context, db, api.account_id, "keys@example.com")
    faults = watched(page)
    await page.goto(f"/manage/{api.account_id}/fans/{first}")
    await press_until(page, "More to do with this fan")
    await press_until(page, "Merge with another fan…")
    await page.get_by_role("heading", name="Merge with another fan").wait_for()
    await page.get_by_role("searchbox").focus()
    await page.keyboard.type("ada.old@example.com")
    # It is found while it is typed.
    await page.get_by_role("link", name=f"Compare with fan {second}").wait_for()
    await press_until(page, f"Compare with fan {second}")
    await page.get_by_role("heading", name="Compare two fans").wait_for()
    await press_until(page, "Merge these two fans")
    await page.get_by_text(f"Fan {second} is merged into this one.").wait_for()
    assert (await api.ok(await api.get(f"/api/v1/crm/fans/{second}")))["fan_id"] == first

    await press_until(page, "More to do with this fan")
    await press_until(page, "Show past merges")
    await page.get_by_role("heading", name="Merges", exact=True).wait_for()
    await press_until(page, "Undo…")
    await page.get_by_role("heading", name="Undo a merge").wait_for()
    await press_until(page, "Undo this merge")
    await page.get_by_text(f"The merge is undone: fan {second} is back.").wait_for()
    assert (await api.ok(await api.get(f"/api/v1/crm/fans/{second}")))["email"] == "ada.old@example.com"
    assert faults == []


async def test_what_is_older_and_why_come_into_the_page(
    db: Db, api: Api, context: BrowserContext, fans: dict[str, Any]
) -> None:
    post = poster(api)
    fan_id = (await post("crm/fans", email="long@example.com", province="BC", country_code="CA"))["fan_id"]
    for number in range(40):
        values = {"campaign_title": f"Day {number}.", "creation_timestamp": f"2026-03-01 10:{number}:00"}
        await post(f"crm/fans/{fan_id}/activities", **values)
    page = await signed_in_page(context, db, api.account_id, "older@example.com")
    await page.goto(f"/manage/{api.account_id}/fans/{fan_id}")
    await page.get_by_role("link", name="Older").click()
    await page.get_by_text("Took part in Day 0.").wait_for()
    await page.get_by_text("Took part in Day 39.").wait_for()
    assert page.url.endswith(f"/fans/{fan_id}")
    await page.goto(f"/manage/{api.account_id}/fans/{fans['fan_id']}")
    why = page.get_by_role("link", name="Why?")
    await why.click()
    await page.get_by_text("The fan has: BC").wait_for()
    # The proof of a consent opens beside it.
    await page.get_by_role("button", name="Show the proof for Email").click()
    await page.get_by_text("season form").last.wait_for()


async def test_a_long_name_and_paper_have_room(api: Api, context: BrowserContext, db: Db) -> None:
    name = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="long@example.com", first_name=name)))["fan_id"]
    page = await signed_in_page(context, db, api.account_id, "paper@example.com")
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.goto(f"/manage/{api.account_id}/fans/{fan_id}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.set_viewport_size({"width": 1100, "height": 800})
    await page.emulate_media(media="print")
    assert not await page.locator(".rail").is_visible()
    assert not await page.get_by_role("link", name="Edit").is_visible()
    box = await page.locator("main").bounding_box()
    assert box
    assert box["width"] > 1000
