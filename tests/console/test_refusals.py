"""Refusals within the Manage Centre: in its frame, and with forms as they were typed."""

import re
import uuid
from collections.abc import AsyncIterator
from html import escape, unescape

import httpx
import pytest

from fanfare import app
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.db import Db
from fanfare.staff.actions.invitations import AlreadyMember
from tests.api import Api, new_api
from tests.console.people import add_person, send, signed_in
from tests.console.visits import many_visits
from tests.running import PATIENCE

__all__ = ["many_visits"]
NAVIGATION = '<nav class="rail"'


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


def control(text: str, name: str, form: str) -> str:
    """Return the first tag of a control, in the form that leads to a path."""
    part = text.partition(f'action="{form}"')[2].partition("</form>")[0]
    match = re.search(rf'<(?:input|select|textarea)[^>]* name="{re.escape(name)}"[^>]*>', part)
    assert match, part
    return unescape(match[0])


@pytest.mark.parametrize(
    "path",
    ["/fans/999999", "/fans/x", "/fans/1e3/timeline", "/nowhere", "/campaigns/99999999999999999999", "/fans/5/no"],
)
async def test_what_is_not_there_is_said_beside_the_navigation(client: httpx.AsyncClient, api: Api, path: str) -> None:
    answer = await client.get(f"/manage/{api.account_id}{path}")
    assert answer.status_code == 404
    assert NAVIGATION in answer.text
    assert f'href="/manage/{api.account_id}/segments"' in answer.text
    assert "There is no such page" in answer.text


async def test_the_way_back_is_the_list_above(client: httpx.AsyncClient, api: Api) -> None:
    root = f"/manage/{api.account_id}"
    text = (await client.get(f"{root}/campaigns/999999")).text.partition("<main")[2]
    assert re.findall(r'href="([^"]+)"', text.partition("</main>")[0]) == [f"{root}/campaigns", root]


async def test_a_page_that_the_role_forbids_has_the_navigation_of_the_role(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id, "analyst") as analyst:
        answer = await analyst.get(f"/manage/{api.account_id}/keys/new")
    assert answer.status_code == 403
    assert NAVIGATION in answer.text
    assert "Your role does not allow this" in answer.text
    assert "can give you the right" in answer.text
    assert f'href="/manage/{api.account_id}/keys"' not in answer.text


async def test_another_account_shows_the_person_alone(
    base_url: str, db: Db, client: httpx.AsyncClient, api: Api
) -> None:
    async with new_api(base_url, db, "Hidden Harbour") as other:
        answer = await client.get(f"/manage/{other.account_id}/fans")
    assert answer.status_code == 404
    assert NAVIGATION in answer.text
    assert "Hidden Harbour" not in answer.text
    assert f'href="/manage/{api.account_id}"' in answer.text


async def test_a_stranger_sees_no_navigation(base_url: str) -> None:
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as stranger:
        answer = await stranger.get("/manage/1/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert NAVIGATION not in answer.text


async def test_paths_of_no_page_elsewhere_are_as_before(base_url: str) -> None:
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as stranger:
        assert (await stranger.get("/managers")).json()["code"] == "unknown"


async def test_the_address_of_a_form_leads_to_the_page_that_has_it(client: httpx.AsyncClient, api: Api) -> None:
    answer = await client.get(f"/manage/{api.account_id}/settings/tags/delete")
    assert (answer.status_code, answer.headers.get("location")) == (303, f"/manage/{api.account_id}/settings/tags")


@pytest.fixture
async def fan(api: Api) -> str:
    """The path of a fan."""
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email=f"{uuid.uuid4().hex}@example.com")))["fan_id"]
    return f"/manage/{api.account_id}/fans/{fan_id}"


async def test_a_form_in_a_page_comes_back_as_it_was_typed(client: httpx.AsyncClient, fan: str) -> None:
    name = 'Ünïque "<b>" & ' + "x" * 2000
    answer = await send(client, fan, f"{fan}/tags", tag_name=name)
    assert answer.status_code == 422, answer.text
    tag = control(answer.text, "tag_name", f"{fan}/tags")
    assert f'value="{name}"' in tag
    assert 'aria-invalid="true"' in tag
    assert "<b>" not in answer.text.partition(f'action="{fan}/tags"')[2].partition("</form>")[0]
    assert 'id="sent-tag_name-fault"' in answer.text
    # The note leads to the field by its label.
    assert '<a href="#tag_name">Name of a tag</a>' in answer.text


async def test_a_part_that_was_opened_is_open_again(client: httpx.AsyncClient, fan: str) -> None:
    answer = await send(client, fan, f"{fan}/identifiers", network="Our Shop!", identifier_value="a key")
    assert answer.status_code == 422, answer.text
    part = answer.text.partition(f'action="{fan}/identifiers"')[0].rpartition("<details")[2]
    assert " open>" in part.partition("<summary")[0]
    assert 'value="Our Shop!"' in control(answer.text, "network", f"{fan}/identifiers")
    assert 'value="a key"' in control(answer.text, "identifier_value", f"{fan}/identifiers")


async def test_what_speaks_against_a_form_is_said_above_it(client: httpx.AsyncClient, db: Db, api: Api) -> None:
    path = f"/manage/{api.account_id}/staff/new"
    await add_person(db, api.account_id, "there@example.com", "analyst")
    answer = await send(client, path, email="there@example.com", role="legal")
    assert answer.status_code == 409, answer.text
    assert NAVIGATION in answer.text
    assert AlreadyMember.title() in answer.text.partition('role="alert"')[2].partition("</div>")[0]
    assert 'value="there@example.com"' in control(answer.text, "email", path)
    assert re.search('<option[^>]* value="legal"[^>]* selected', answer.text)


async def test_each_scope_of_a_new_key_says_what_it_is_for(client: httpx.AsyncClient, api: Api) -> None:
    path = f"/manage/{api.account_id}/keys/new"
    text = (await client.get(path)).text
    assert [scope for scope in SCOPES if escape(app.SCOPES[scope]) not in text] == []
    answer = await send(client, path, key_name="No scope")
    assert answer.status_code == 422
    assert 'id="scopes-fault"' in answer.text
