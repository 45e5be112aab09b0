"""Names of every script and length in Chromium: they change neither the page around them nor the order of its words."""

from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.looking import (
    NEEDS_CHROMIUM,
    PHONE,
    base_url,
    browser,
    context,
    look_at,
    signed_in_page,
)
from tests.console.people import add_person, session_cookie

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM

LONG = ("Friday_quiz_of_the_league_whose_name_has_no_space_" * 2)[:100]
HEBREW, ARABIC = "חידון יום שישי!", "محمد الفارسي!"
# Whether the last sign of a name is drawn left of its first letter, as its script is read, for each place it stands in.
ORDER = """
    name => {
        const entries = [], walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT)
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const start = node.data.indexOf(name), parent = node.parentElement
            if (start < 0 || !parent.checkVisibility() || parent.closest(".unseen, option, svg")) continue
            const left = index => {
                const range = document.createRange()
                range.setStart(node, index)
                range.setEnd(node, index + 1)
                return range.getBoundingClientRect().left
            }
            const isRight = left(start + name.length - 1) < left(start)
            entries.push([node.data.trim(), isRight])
        }
        return entries
    }
"""
# Where the text of the heading begins, and its box.
LEFT_OF_HEADING = """
    () => {
        const heading = document.querySelector("h1"), range = document.createRange()
        range.selectNodeContents(heading)
        return [range.getBoundingClientRect().left, heading.getBoundingClientRect().left]
    }
"""


@pytest.fixture(scope="module")
async def names(api: Api) -> dict[str, Any]:
    """A fan, a campaign, a filter and a tag of each sort of name."""
    result: dict[str, Any] = {}
    for key, name in (("long", LONG), ("hebrew", HEBREW)):
        values = {"email": f"{key}@example.com", "first_name": ARABIC if key == "hebrew" else name}
        fan = (await api.ok(await api.post("/api/v1/crm/fans", **values)))["fan_id"]
        campaign = await api.ok(await api.post("/api/v1/manage/campaigns", title=name, app_type="contest"))
        saved = await api.ok(await api.post("/api/v1/manage/filters", filter_name=name, fan_source="crm_fans_create"))
        await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name=name, action="add", fan_ids=[fan]))
        await api.ok(await api.post(f"/api/v1/crm/fans/{fan}/activities", campaign_title=name))
        result[key] = {
            "fan": f"/fans/{fan}",
            "campaign": f"/campaigns/{campaign['page_tab_id']}",
            "filter": f"/segments/filter/{saved['filter_uid']}",
            "fan_id": fan,
        }
    return result


def pages_of(api: Api, names: dict[str, Any]) -> dict[str, str]:
    """Return the pages on which the names stand, by a name of each."""
    root = f"/manage/{api.account_id}"
    merge = f"{names['long']['fan']}/merge/{names['hebrew']['fan_id']}"
    paths = {"fans": "/fans", "campaigns": "/campaigns", "segments": "/segments", "tags": "/settings/tags"}
    paths |= {"merge": merge, "find": f"/find?q={LONG[:9]}", "erase": f"{names['long']['fan']}/erase"}
    for key in ("long", "hebrew"):
        paths |= {f"{noun}-{key}": names[key][noun] for noun in ("fan", "campaign", "filter")}
    return {f"names-{name}": root + path for name, path in paths.items()}


async def test_no_name_is_too_long(browser: Browser, base_url: str, db: Db, api: Api, names: dict[str, Any]) -> None:
    token = await session_cookie(db, await add_person(db, api.account_id, "reader@example.com"))
    await look_at(browser, base_url, PHONE, pages_of(api, names), token)


async def test_a_name_from_right_to_left_leaves_the_words_around_it_alone(
    context: BrowserContext, db: Db, api: Api, names: dict[str, Any]
) -> None:
    page = await signed_in_page(context, db, api.account_id, "reader.of.names@example.com")
    places: dict[str, int] = {HEBREW: 0, ARABIC: 0}
    for path in pages_of(api, names).values():
        await page.goto(path)
        for name in places:
            entries = await page.evaluate(ORDER, name)
            assert [text for text, is_right in entries if not is_right] == [], path
            places[name] += len(entries)
    assert places[HEBREW] > 8, places
    assert places[ARABIC] > 3, places
    # The heading stands where headings stand.
    await page.goto(f"/manage/{api.account_id}{names['hebrew']['campaign']}")
    text_start, box_start = await page.evaluate(LEFT_OF_HEADING)
    assert text_start == pytest.approx(box_start, abs=2)
