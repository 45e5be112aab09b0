"""What was typed into a form is sent after all when a proof was due: it comes back, sealed, for its person alone."""

import re
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pyotp
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.pages import form_copies
from tests.api import Api
from tests.console.people import (
    COOKIE,
    PASSWORD,
    accept,
    add_person,
    code_at,
    copy_in,
    invitation_path,
    send,
    session_cookie,
    set_up_app,
)
from tests.hosted.pages import token_in, visitor

ACTION = re.compile(r'<form class="stack" method="post" action="([^"]+)"')
KEY = {"key_name": "Ticket shop of the club", "scopes[]": ["apps", "sessions"]}


@pytest.fixture
async def person(base_url: str, db: Db, api: Api) -> AsyncIterator[tuple[httpx.AsyncClient, pyotp.TOTP]]:
    """Somebody with an app, whose last proof is too old."""
    async with visitor(base_url) as client:
        email = f"prover{datetime.now(UTC).timestamp()}@example.com"
        await accept(client, await invitation_path(db, api.account_id, email))
        app, _ = await set_up_app(client)
        await age(db, email)
        yield client, app


async def age(db: Db, email: str) -> None:
    """Let ten minutes pass since the last proof of a person."""
    sql = """
        update staff_sessions s set proved_at = $2 from staff p where p.staff_id = s.staff_id and p.email = $1
    """
    await db.execute(sql, email, datetime.now(UTC) - timedelta(minutes=11))


def action_in(page: httpx.Response) -> str:
    """Return where the first form of the page itself leads."""
    match = ACTION.search(page.text)
    assert match, page.text
    return unescape(match[1])


async def prove(client: httpx.AsyncClient, app: pyotp.TOTP, question: httpx.Response, **fields: Any) -> httpx.Response:
    """Answer the question who it is, as the form of the page does."""
    proof = {"password": PASSWORD, "code": code_at(app, datetime.now(UTC)), "form_copy": copy_in(question), **fields}
    return await client.post(action_in(question), data={"form_token": token_in(question), **proof})


async def send_on(client: httpx.AsyncClient, page: httpx.Response) -> httpx.Response:
    """Send the form that waited, as the page does."""
    return await client.post(action_in(page), data={"form_token": token_in(page), "form_copy": copy_in(page)})


async def question_of(client: httpx.AsyncClient, path: str, **fields: Any) -> httpx.Response:
    """Send a form when a proof is due, and return the page that asks for it."""
    token = token_in(await client.get("/manage/me"))
    question = await client.post(path, data={"form_token": token, **fields})
    assert question.status_code == 403, question.text
    assert "Is it you?" in question.text
    return question


async def keys(api: Api) -> list[str]:
    return [each["key_name"] for each in await api.ok(await api.get("/api/v1/manage/keys"))]


async def test_a_form_is_sent_after_the_proof(api: Api, db: Db, person: tuple[httpx.AsyncClient, pyotp.TOTP]) -> None:
    client, app = person
    path = f"/manage/{api.account_id}/keys/new"
    question = await question_of(client, path, **KEY)
    assert "Ticket shop" not in question.text
    assert KEY["key_name"] not in await keys(api)
    # A wrong code: the form still waits.
    question = await prove(client, app, question, code="000000")
    assert question.status_code == 422
    page = await prove(client, app, question)
    assert page.status_code == 200, page.text
    assert action_in(page) == path
    answer = await send_on(client, page)
    assert answer.status_code == 200, answer.text
    assert 'id="api-secret"' in answer.text
    assert KEY["key_name"] in await keys(api)
    sql = "select scopes from api_keys where account_id = $1 and key_name = $2"
    assert sorted(await db.value(sql, api.account_id, KEY["key_name"])) == ["apps", "sessions"]


# Things that are deleted with a proof, as docs/staff.md says: path, fields of a new one, its key.
DELETED: dict[str, tuple[str, dict[str, Any], str]] = {
    "senders": ("settings/senders", {"from_name": "Club"}, "sender_id"),
    "webhooks": ("webhooks", {"url": "https://example.com/hooks", "topics": ["business.*"]}, "webhook_uid"),
}


@pytest.mark.parametrize("noun", DELETED)
async def test_a_deletion_waits_for_the_proof(
    api: Api, person: tuple[httpx.AsyncClient, pyotp.TOTP], noun: str
) -> None:
    client, app = person
    path, fields, key = DELETED[noun]
    new = (await api.ok(await api.post(f"/api/v1/manage/{noun}", **fields)))[key]

    async def all_of_them() -> list[Any]:
        return [each[key] for each in await api.ok(await api.get(f"/api/v1/manage/{noun}"))]

    question = await question_of(client, f"/manage/{api.account_id}/{path}/{new}/delete")
    assert new in await all_of_them()
    assert (await send_on(client, await prove(client, app, question))).status_code == 303
    assert new not in await all_of_them()


async def test_a_form_with_a_fault_comes_back_filled_in(api: Api, person: tuple[httpx.AsyncClient, pyotp.TOTP]) -> None:
    client, app = person
    question = await question_of(client, f"/manage/{api.account_id}/staff/new", email="nobody", role="analyst")
    answer = await send_on(client, await prove(client, app, question))
    assert answer.status_code == 422
    assert 'value="nobody"' in answer.text


async def test_boxes_of_a_form_with_a_fault_stay_ticked(api: Api, person: tuple[httpx.AsyncClient, pyotp.TOTP]) -> None:
    client, app = person
    fields = {"key_name": "Shop", "scopes": ["apps", "sessions"], "rate_limit": "many"}
    question = await question_of(client, f"/manage/{api.account_id}/keys/new", **fields)
    answer = await send_on(client, await prove(client, app, question))
    assert answer.status_code == 422
    assert sorted(re.findall(r'name="scopes" value="(\w+)" checked', answer.text)) == ["apps", "sessions"]


async def test_a_copy_is_for_its_browser_and_address_alone(
    base_url: str, api: Api, db: Db, person: tuple[httpx.AsyncClient, pyotp.TOTP]
) -> None:
    client, app = person
    root = f"/manage/{api.account_id}"
    page = await prove(client, app, await question_of(client, f"{root}/keys/new", **KEY))
    before = await keys(api)
    elsewhere = {"form_token": token_in(page), "form_copy": copy_in(page)}
    assert (await client.post(f"{root}/staff/new", data=elsewhere)).status_code == 403
    async with visitor(base_url) as other:
        await accept(other, await invitation_path(db, api.account_id, "copier@example.com"))
        other_app, _ = await set_up_app(other)
        answer = await send(other, "/manage/me", f"{root}/keys/new", form_copy=copy_in(page))
        assert answer.status_code == 403
        assert "fill it in again" in answer.text
        # The other person's proof sends nothing of this one's.
        await age(db, "copier@example.com")
        proof = {"password": PASSWORD, "code": code_at(other_app, datetime.now(UTC)), "form_copy": copy_in(page)}
        answer = await send(other, "/manage/prove", **proof)
        assert (answer.status_code, answer.headers["location"]) == (303, "/manage")
        assert "The form was not sent" in (await other.get("/manage/me")).text
    assert await keys(api) == before


async def test_a_form_without_its_token_is_refused_before_it_is_asked(
    api: Api, person: tuple[httpx.AsyncClient, pyotp.TOTP]
) -> None:
    client, _ = person
    answer = await client.post(f"/manage/{api.account_id}/keys/new", data=KEY)
    assert answer.status_code == 403
    assert "form_copy" not in answer.text


async def test_nothing_that_was_typed_can_be_read_in_the_page(
    api: Api, person: tuple[httpx.AsyncClient, pyotp.TOTP]
) -> None:
    client, _ = person
    path = f"/manage/{api.account_id}/settings/identity_providers"
    question = await question_of(client, path, issuer="https://id.example.com", client_secret="very-secret-words")
    assert "very-secret-words" not in question.text
    assert "very-secret-words" not in str(question.headers)
    assert copy_in(question)


@pytest.mark.parametrize("fault", ["unreadable", "old"])
async def test_a_copy_that_cannot_be_sent_clears_nothing(
    api: Api, person: tuple[httpx.AsyncClient, pyotp.TOTP], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    client, app = person
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name=f"Club {fault}"))
    sender = {"business_id": business["business_id"], "from_name": "Tideline FC"}
    sender_id = (await api.ok(await api.post("/api/v1/manage/senders", **sender)))["sender_id"]
    path = f"/manage/{api.account_id}/settings/senders/{sender_id}"
    page = await prove(client, app, await question_of(client, path, from_name="Tideline United"))
    copy = copy_in(page)
    if fault == "old":
        monkeypatch.setattr(form_copies, "MAX_AGE", timedelta(seconds=-5))
    else:
        copy = copy[:-9]
    answer = await client.post(path, data={"form_token": token_in(page), "form_copy": copy})
    assert answer.status_code == 403
    assert "please fill it in again" in answer.text
    [sender_now] = [
        each for each in await api.ok(await api.get("/api/v1/manage/senders")) if each["sender_id"] == sender_id
    ]
    assert sender_now["from_name"] == "Tideline FC"


async def test_a_copy_is_not_sent_by_the_next_person_at_the_browser(
    api: Api, db: Db, person: tuple[httpx.AsyncClient, pyotp.TOTP]
) -> None:
    client, app = person
    path, before = f"/manage/{api.account_id}/keys/new", await keys(api)
    page = await prove(client, app, await question_of(client, path, **KEY))
    token = await session_cookie(db, await add_person(db, api.account_id, "next@example.com"))
    client.cookies.delete(COOKIE)
    client.cookies.set(COOKIE, token, domain="127.0.0.1")
    answer = await send_on(client, page)
    assert answer.status_code == 403
    assert "please fill it in again" in answer.text
    assert await keys(api) == before


async def test_a_copy_that_grew_too_old_is_told(
    api: Api, person: tuple[httpx.AsyncClient, pyotp.TOTP], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, app = person
    path = f"/manage/{api.account_id}/keys/new"
    question = await question_of(client, path, **KEY)
    monkeypatch.setattr(form_copies, "MAX_AGE", timedelta(seconds=-5))
    answer = await prove(client, app, question)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert "The form was not sent" in (await client.get(path)).text


async def test_a_form_that_is_too_long_to_wait_is_told(api: Api, person: tuple[httpx.AsyncClient, pyotp.TOTP]) -> None:
    client, _ = person
    path = f"/manage/{api.account_id}/keys/new"
    token, long = token_in(await client.get("/manage/me")), secrets.token_urlsafe(40_000)
    detour = await client.post(path, data={"form_token": token, "key_name": long})
    assert detour.status_code == 303
    assert "too long to wait" in (await client.get(detour.headers["location"])).text


async def test_a_form_waits_after_a_refused_passkey_and_too_many_codes(
    api: Api, person: tuple[httpx.AsyncClient, pyotp.TOTP]
) -> None:
    client, app = person
    path = f"/manage/{api.account_id}/keys/new"
    question = await question_of(client, path, **{**KEY, "key_name": "Patience"})
    fields = {"form_token": token_in(question), "form_copy": copy_in(question), "credential": "{}"}
    again = await client.post(f"/manage/prove/passkey?next={path}", data=fields)
    assert again.status_code == 422
    assert "This passkey was not accepted." in again.text
    assert copy_in(again) == copy_in(question)
    for _ in range(5):
        assert (await prove(client, app, again, code="000000")).status_code == 422
    refused = await prove(client, app, again)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert "Too many attempts." in refused.text
    assert copy_in(refused) == copy_in(question)


@pytest.mark.parametrize("text", ["a b", "ü" * 200], ids=["short", "long"])
async def test_a_file_comes_after_the_proof_with_a_way_back(
    api: Api, person: tuple[httpx.AsyncClient, pyotp.TOTP], text: str
) -> None:
    client, app = person
    path = f"/manage/{api.account_id}/audit/download"
    way = (await client.get(path, params={"text": text})).headers["location"]
    proof = {"password": PASSWORD, "code": code_at(app, datetime.now(UTC))}
    answer = await send(client, way, **proof)
    page = await client.get(answer.headers["location"])
    assert f'href="/manage/{api.account_id}/audit"' in page.text
    match = re.search(r'href="([^"]+)" data-fetch', page.text)
    assert match, page.text
    file = await client.get(unescape(match[1]))
    assert file.headers["content-disposition"].startswith("attachment")
    assert file.url.params["text"] == text
