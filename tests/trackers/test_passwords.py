"""Links with a password: asked on a page, guesses counted, the target not shown before."""

import re

import httpx
import pytest

from fanfare.kernel.data.db import Db
from fanfare.sessions.actions.budgets import Budget
from fanfare.trackers.actions import passwords
from fanfare.trackers.queries.visitors import visitor_of
from tests.api import Api
from tests.trackers.links import browser, click, new_tracker, rows


async def enter(client: httpx.AsyncClient, path: str, password: str) -> httpx.Response:
    """Open the page and send its form."""
    page = await client.get(path)
    assert page.status_code == 200
    assert "shop.example.com" not in page.text + str(page.headers)
    (token,) = re.findall(r'name="form_token" value="([^"]+)"', page.text)
    return await client.post(path, data={"form_token": token, "password": password})


async def test_a_protected_link_opens_with_its_password(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api, password="Open Sesame")
    answer = await click(base_url, saved["tracker_key"], "?a=b")
    path = f"/trk/{saved['tracker_key']}/password?a=b"
    assert (answer.status_code, answer.headers["location"]) == (302, path)
    async with browser(base_url) as client:
        wrong = await enter(client, path, "Sesame")
        assert wrong.status_code == 422
        assert "the password is wrong" in wrong.text
        assert await rows(db, saved["tracker_id"]) == []
        right = await enter(client, path, "Open Sesame")
        cookie = client.cookies["fanfare-trk"]
    assert right.status_code == 200
    assert re.search(r'content="0; url=https://shop.example.com/tickets\?a=b&amp;trk_click=\d+-', right.text)
    (row,) = await rows(db, saved["tracker_id"])
    # The pixel of a page finds the click by the cookie.
    assert (row["verdict"], row["visitor_uid"].hex) == ("human", visitor_of(api.account_id, cookie))
    row = await api.ok(await api.get(f"/api/v1/trackers/{saved['tracker_id']}"))
    assert row["is_password_required"]
    assert "Sesame" not in str(row)
    await api.ok(await api.post(f"/api/v1/manage/trackers/{saved['tracker_id']}", password=""))
    assert (await click(base_url, saved["tracker_key"])).headers["location"].startswith("https://shop")


async def test_guesses_are_bounded(api: Api, base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = passwords.GUESSES
    monkeypatch.setattr(passwords, "GUESSES", Budget(budget.name, 2, budget.window))
    saved = await new_tracker(api, password="Open Sesame")
    path = f"/trk/{saved['tracker_key']}/password"
    async with browser(base_url) as client:
        statuses = [(await enter(client, path, word)).status_code for word in ("a", "b", "Open Sesame")]
    assert statuses == [422, 422, 429]


async def test_there_is_no_page_without_a_link(base_url: str) -> None:
    async with browser(base_url) as client:
        assert (await client.get("/trk/nothing/password")).status_code == 404


async def test_a_qr_code_leads_to_the_link(api: Api, other_api: Api) -> None:
    saved = await new_tracker(api)
    path = f"/api/v1/manage/trackers/{saved['tracker_id']}"
    svg, png = await api.get(f"{path}/qr.svg"), await api.get(f"{path}/qr.png")
    assert (svg.headers["content-type"], svg.content[:5]) == ("image/svg+xml", b"<?xml")
    assert (png.headers["content-type"], png.content[1:4]) == ("image/png", b"PNG")
    assert (await other_api.get(f"{path}/qr.svg")).status_code == 404


async def test_a_fans_link_is_made_for_known_fans(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="link@example.com")))["fan_id"]
    path = f"/api/v1/manage/trackers/{saved['tracker_id']}/fan_link"
    url = (await api.ok(await api.get(path, fan_id=fan_id)))["url"]
    await click(base_url, saved["tracker_key"], "?" + url.partition("?")[2])
    assert [row["fan_id"] for row in await rows(db, saved["tracker_id"])] == [fan_id]
    assert (await api.get(path, fan_id=999_999_999)).status_code == 404
