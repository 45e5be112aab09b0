"""The search of fans in Chromium: criteria as sentences, the count beside them, filters that are live."""

import pytest
from playwright.async_api import Browser

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
)
from tests.console.people import add_person, session_cookie

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM
FANS = (
    ("Maren", "Castellane", "Vancouver", "BC"), ("Idris", "Pellwood", "Victoria", "BC"),
    ("Tove", "Abara-Lind", "Toronto", "ON"), ("Noa", "Venn", "Vancouver", "BC"),
)  # fmt: skip


@pytest.fixture(scope="module")
async def club(api: Api) -> Api:
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
    }


@pytest.mark.parametrize("view", VIEWS, ids=str)
async def test_every_page_can_be_read(browser: Browser, base_url: str, club: Api, reader: str, view: View) -> None:
    await look_at(browser, base_url, view, pages_of(club.account_id), reader)
