"""Messages, templates, suppressions and performances in Chromium: every page looked at."""

import pytest
from playwright.async_api import Browser

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.looking import NEEDS_CHROMIUM, VIEWS, View, base_url, browser, context, look_at
from tests.console.people import add_person, session_cookie
from tests.console.test_performances import performance_with

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
async def urls(api: Api) -> dict[str, str]:
    """Every page by its name."""
    root = f"/manage/{api.account_id}"
    uid, reward_uid, _ = await performance_with(api, venue_name="Harbour Hall", city="Vancouver", status="ready")
    quest = {"quest_title": "Visit the sponsor", "quest_type": "link", "link_url": "https://sponsor.example"}
    quest_id = (await api.ok(await api.post(f"/api/v1/performances/{uid}/quests", **quest)))["page_tab_id"]
    portal = {"portal_name": "Promoters of the summer", "performance_group_name": "Summer 2199"}
    portal_uid = (await api.ok(await api.post("/api/v1/portals", **portal)))["portal_uid"]
    sample = {"template_name": "login_code", "channel": "email", "recipient": "maren.castellane@example.com"}
    message = (await api.ok(await api.post("/api/v1/manage/message_templates/send", **sample)))["message_id"]
    await api.ok(await api.post("/api/v1/manage/suppressions", channel="email", recipient="gone@example.com"))
    edit = "/templates/edit?template_name=login_code&channel=email&language=en"
    paths = {
        "messages": "/messages", "message": f"/messages/{message}", "suppressions": "/suppressions",
        "templates": "/templates", "template": edit, "performances": "/performances",
        "performance_new": "/performances/new", "performance": f"/performances/{uid}",
        "performance_edit": f"/performances/{uid}/edit", "quest": f"/performances/{uid}/quests/{quest_id}",
        "reward": f"/performances/{uid}/rewards/{reward_uid}", "portals": "/portals",
        "portal": f"/portals/{portal_uid}",
    }  # fmt: skip
    return {name: root + path for name, path in paths.items()}


@pytest.mark.parametrize("view", VIEWS)
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, db: Db, api: Api, urls: dict[str, str], view: View
) -> None:
    reader = await session_cookie(db, await add_person(db, api.account_id, f"mail-{view[0]}-{view[1]}@example.com"))
    await look_at(browser, base_url, view, urls, reader)
