"""The API console: every call has its form, and a key of the person's own does what the role and the switch allow."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fanfare import app
from fanfare.kernel.data.db import Db
from fanfare.staff.jobs import forget_old_invitations
from tests.api import Api
from tests.console.people import COOKIE, add_person, send, session_cookie, signed_in
from tests.hosted.pages import visitor
from tests.running import PATIENCE


async def key_of(client: httpx.AsyncClient, account_id: int, **fields: Any) -> httpx.Response:
    """Ask for a key of the console."""
    return await send(client, f"/manage/{account_id}/console", f"/manage/{account_id}/console/keys", **fields)


async def call(base_url: str, method: str, path: str, secret: str, **values: Any) -> httpx.Response:
    """Make a call with the secret alone, as the script does."""
    async with httpx.AsyncClient(base_url=base_url, headers={"Api-Secret": secret}, timeout=PATIENCE) as client:
        return await client.request(method, path, **values)


async def test_every_call_of_the_document_has_its_form(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id) as client:
        listed = (await client.get(f"/manage/{api.account_id}/console")).text
        for endpoint in app.endpoints():
            assert f'data-call="{endpoint.call_id}"' in listed
        # Each form takes some 30 ms.
        for endpoint in app.endpoints()[::6]:
            page = await client.get(f"/manage/{api.account_id}/console", params={"call": endpoint.call_id})
            assert page.status_code == 200, endpoint.call_id
            assert f'data-path="{endpoint.path}"' in page.text
            for name in endpoint.path.split("{")[1:]:
                assert f'data-name="{name.partition("}")[0]}" data-where="path"' in page.text
        assert (await client.get(f"/manage/{api.account_id}/console?call=none")).status_code == 404


@pytest.mark.parametrize(
    ("call_id", "part"),
    [
        ("crm_fans_search", 'data-name="fan_networks" data-where="query" data-kind="list"'),
        ("crm_fans_search", 'data-name="fan_gender" data-where="query" data-kind="choice"'),
        ("manage_imports_upload", 'data-name="file" data-where="body" data-kind="file"'),
        ("crm_fans_create", 'data-name="field_*" data-where="body" data-kind="pairs"'),
        ("manage_changes_list", '<option value="text/event-stream">'),
        ("manage_businesses_create", 'data-name="media_map" data-where="body" data-kind="json"'),
        ("sessions_connect", 'data-name="password" data-where="body" data-kind="secret"'),
    ],
)
async def test_fields_have_their_form(base_url: str, db: Db, api: Api, call_id: str, part: str) -> None:
    async with signed_in(base_url, db, api.account_id) as client:
        assert part in (await client.get(f"/manage/{api.account_id}/console", params={"call": call_id})).text


async def test_calls_are_found_by_words(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id) as client:
        page = (await client.get(f"/manage/{api.account_id}/console", params={"find": "WEBHOOKS replay"})).text
    assert 'data-call="manage_webhooks_replay"' in page
    assert 'data-call="crm_fans_create"' not in page


async def test_a_key_reads_until_the_switch_is_off(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id) as client:
        reading = (await key_of(client, api.account_id)).json()
        assert reading["is_read_only"] is True
        assert reading["second_count"] == 900
        assert (await call(base_url, "GET", "/api/v1/crm/fans", reading["key_secret"])).status_code == 200
        refused = await call(
            base_url, "POST", "/api/v1/crm/fans", reading["key_secret"], json={"email": "a@example.com"}
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "read_only_key")

        writing = (await key_of(client, api.account_id, is_read_only="false")).json()
        created = await call(
            base_url, "POST", "/api/v1/crm/fans", writing["key_secret"], json={"email": "b@example.com"}
        )
        assert created.status_code == 200, created.text


async def test_a_switch_ends_the_key_before(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id) as client:
        secret = (await key_of(client, api.account_id, is_read_only="false")).json()["key_secret"]
        await key_of(client, api.account_id, is_read_only="true")
        # No server has seen the key yet, so none remembers it for a second.
        assert (await call(base_url, "GET", "/api/v1/crm/fans", secret)).status_code == 401


async def test_a_key_ends_with_the_session(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id) as client:
        secret = (await key_of(client, api.account_id)).json()["key_secret"]
        await send(client, f"/manage/{api.account_id}", "/manage/sign_out")
    assert (await call(base_url, "GET", "/api/v1/crm/fans", secret)).status_code == 401


async def test_a_key_ends_when_the_role_changes(base_url: str, db: Db, api: Api) -> None:
    staff_id = await add_person(db, api.account_id, "demoted@example.com", "editor")
    await add_person(db, api.account_id, "stays-full@example.com")
    async with visitor(base_url) as client:
        client.cookies.set(COOKIE, await session_cookie(db, staff_id), domain="127.0.0.1")
        secret = (await key_of(client, api.account_id)).json()["key_secret"]
        await api.ok(await api.post(f"/api/v1/manage/staff/{staff_id}", role="analyst"))
        assert (await call(base_url, "GET", "/api/v1/crm/fans", secret)).status_code == 401
        secret = (await key_of(client, api.account_id)).json()["key_secret"]
        await api.ok(await api.delete(f"/api/v1/manage/staff/{staff_id}"))
        assert (await call(base_url, "GET", "/api/v1/reports", secret)).status_code == 401


async def test_a_key_ends_by_itself_and_is_deleted(base_url: str, db: Db, api: Api) -> None:
    staff_id = await add_person(db, api.account_id, "late@example.com")
    async with visitor(base_url) as client:
        client.cookies.set(COOKIE, await session_cookie(db, staff_id), domain="127.0.0.1")
        secret = (await key_of(client, api.account_id)).json()["key_secret"]
    count = "select count(*) from api_keys where account_id = $1 and staff_id = $2"
    await forget_old_invitations(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    assert await db.value(count, api.account_id, staff_id) == 1
    past = datetime.now(UTC) - timedelta(seconds=1)
    await db.execute(
        "update api_keys set expires_at = $3 where account_id = $1 and staff_id = $2", api.account_id, staff_id, past
    )
    assert (await call(base_url, "GET", "/api/v1/crm/fans", secret)).status_code == 401
    await forget_old_invitations(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    assert await db.value(count, api.account_id, staff_id) == 0


EVERY, IMPERSONAL = set(app.SCOPES), {"idols", "reports", "ads"}
READING = {"custom_rights": {"home": ["read"], "reports": ["read"]}}
EXPORTING = {"custom_rights": {"home": ["read"], "reports": ["read", "export"]}}


@pytest.mark.parametrize(
    ("role", "values", "scopes_of_keys"),
    [
        ("full", {}, (EVERY, EVERY)),
        ("editor", {}, (EVERY - {"manage", "crm"}, EVERY - {"manage", "crm"})),
        ("analyst", {}, (IMPERSONAL, None)),
        ("legal", {}, (None, None)),
        ("full", {"business_ids": [1]}, (None, None)),
        ("custom", READING, (None, None)),
        ("custom", EXPORTING, ({"reports"}, None)),
    ],
)
async def test_a_key_has_no_more_than_the_role(
    base_url: str, db: Db, api: Api, role: str, values: dict[str, Any], scopes_of_keys: tuple[set[str] | None, ...]
) -> None:
    async with signed_in(base_url, db, api.account_id, role, **values) as client:
        for is_read_only, scopes in zip(("true", "false"), scopes_of_keys, strict=True):
            answer = await key_of(client, api.account_id, is_read_only=is_read_only)
            if scopes is None:
                assert answer.status_code == 409, answer.text
            else:
                assert set(answer.json()["scopes"]) == scopes


async def test_keys_of_people_are_not_among_those_of_systems(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id, email="lister@example.com") as client:
        await key_of(client, api.account_id)
    keys = await api.ok(await api.get("/api/v1/manage/keys"))
    assert not [key for key in keys if "console" in key["key_name"]]
    sql = "select api_key::text from api_keys where account_id = $1 and key_name = 'API console: lister@example.com'"
    answer = await api.post(f"/api/v1/manage/keys/{await db.value(sql, api.account_id)}/rotate")
    assert answer.status_code == 404
    entries = await api.ok(await api.get("/api/v1/manage/audit_entries"))
    assert "console_key_create" in {entry["action_name"] for entry in entries["data"]}


async def test_a_session_has_few_keys(base_url: str, db: Db, api: Api) -> None:
    staff_id = await add_person(db, api.account_id, "tabs@example.com")
    async with visitor(base_url) as client:
        client.cookies.set(COOKIE, await session_cookie(db, staff_id), domain="127.0.0.1")
        for _ in range(12):
            assert (await key_of(client, api.account_id)).status_code == 200
    count = "select count(*) from api_keys where account_id = $1 and staff_id = $2"
    assert await db.value(count, api.account_id, staff_id) == 10


async def test_the_way_in_leads_to_the_first_account(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id) as client:
        answer = await client.get("/manage/console")
        document = (await client.get("/openapi.json")).json()
        link = document["paths"]["/api/v1/crm/fans/{fan_id}"]["get"]["externalDocs"]["url"]
        one = await client.get(link)
        page = await client.get(one.headers["location"])
    assert answer.headers["location"] == f"/manage/{api.account_id}/console"
    assert document["paths"]["/api/v1/crm/fans/{fan_id}"]["get"]["summary"] in page.text.partition('id="call-name"')[2]
    async with visitor(base_url) as client:
        assert "/manage/console" in (await client.get("/openapi.json")).json()["info"]["description"]
