"""Pages of messages, templates and suppressions over HTTP."""

from collections.abc import AsyncIterator

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in

CHOICE = {"template_name": "login_code", "channel": "email", "language": "en"}
QUERY = "template_name=login_code&channel=email&language=en"


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


async def test_a_template_is_looked_at_saved_tested_and_set_back(client: httpx.AsyncClient, api: Api) -> None:
    root = f"/manage/{api.account_id}/templates"
    texts = {"subject": "Code {{ code }}", "text_body": "Ahoy, {{ code }} is yours."}
    look = await send(client, f"{root}/edit?{QUERY}", f"{root}/edit", **CHOICE, **texts, act="preview")
    assert look.status_code == 200
    assert "Ahoy, " in look.text
    rows = await api.ok(await api.get("/api/v1/manage/message_templates"))
    assert not any(row["template_id"] for row in rows)
    wrong = await send(
        client, f"{root}/edit?{QUERY}", f"{root}/edit?{QUERY}", **CHOICE, subject="x", text_body="{{ nope }}"
    )
    assert wrong.status_code == 422
    assert (
        await send(client, f"{root}/edit?{QUERY}", f"{root}/edit", **CHOICE, **texts, act="save")
    ).status_code == 303
    test = await send(client, f"{root}/edit?{QUERY}", f"{root}/test", **CHOICE, recipient="jo@example.com")
    assert "jo@example.com" in (await client.get(test.headers["location"])).text
    row = next(row for row in await api.ok(await api.get("/api/v1/manage/message_templates")) if row["template_id"])
    await send(client, root, f"{root}/{row['template_id']}/delete")
    assert "Ahoy" not in (await client.get(f"{root}/edit?{QUERY}")).text


async def test_suppressions_are_added_found_and_lifted(client: httpx.AsyncClient, api: Api) -> None:
    root = f"/manage/{api.account_id}/suppressions"
    assert (await send(client, root, channel="email", recipient="no address")).status_code == 422
    await send(client, root, channel="email", recipient="gone@example.com")
    assert "gone@example.com" in (await client.get(f"{root}?recipient=gone@example.com")).text
    assert "not suppressed" in (await client.get(f"{root}?recipient=other@example.com")).text
    row = (await api.ok(await api.get("/api/v1/manage/suppressions")))[0]
    await send(client, root, f"{root}/{row['suppression_id']}/lift")
    assert await api.ok(await api.get("/api/v1/manage/suppressions")) == []


async def test_masks_and_limits(base_url: str, db: Db, api: Api) -> None:
    sample = {"template_name": "login_code", "channel": "email", "recipient": "zacharias@example.com"}
    message = (await api.ok(await api.post("/api/v1/manage/message_templates/send", **sample)))["message_id"]
    await api.ok(await api.post("/api/v1/manage/suppressions", channel="email", recipient="zacharias@example.com"))
    business = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Club")))["business_id"]
    await api.ok(await api.post("/api/v1/manage/message_templates/send", **sample, business_id=business))
    root = f"/manage/{api.account_id}"
    async with signed_in(base_url, db, api.account_id, "analyst") as client:
        for path in ("/messages", f"/messages/{message}", "/suppressions"):
            page = await client.get(root + path)
            assert page.status_code == 200
            assert "zacharias" not in page.text
    async with signed_in(base_url, db, api.account_id, business_ids=[business]) as client:
        assert (await client.get(f"{root}/messages/{message}")).status_code == 404
        assert (await client.get(f"{root}/messages")).text.count("zacharias@example.com") == 1
        assert "zacharias" not in (await client.get(f"{root}/suppressions")).text
        # Messages of others, though newer, take no place in the page.
        for _ in range(50):
            await api.ok(await api.post("/api/v1/manage/message_templates/send", **sample))
        assert (await client.get(f"{root}/messages")).text.count("zacharias@example.com") == 1
        assert (await client.get(f"{root}/templates/edit?{QUERY}")).status_code == 404
        assert (await client.get(f"{root}/templates/edit?{QUERY}&business_id={business}")).status_code == 200
