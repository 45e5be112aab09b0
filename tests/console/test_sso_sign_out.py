"""Signing out of a session by single sign-on: the provider is told, wherever it says how."""

import re
import secrets
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import signed_in
from tests.console.test_sso import arrive, browser, provider, set_up
from tests.hosted.pages import token_in
from tests.identity_provider import CLIENT_ID, Provider

__all__ = ["browser", "provider"]
TOKENS = "select sealed_id_token from staff_sessions where sealed_id_token is not null and account_id = $1"


def sign_out_target(answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return where a page leads at once, without its query, and the query."""
    (url,) = re.findall(r'<meta http-equiv="refresh" content="0; url=([^"]+)">', answer.text)
    parts = urlsplit(unescape(url))
    return f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query))


async def sign_out(client: httpx.AsyncClient, account_id: int) -> httpx.Response:
    token = token_in(await client.get(f"/manage/{account_id}"))
    return await client.post("/manage/sign_out", data={"form_token": token})


@pytest.fixture
def ending(provider: Provider) -> Iterator[str]:
    """Let the provider publish where its sessions end."""
    provider.url = f"{provider.url.rpartition('/')[0]}/{secrets.token_hex(8)}"
    provider.published = {"end_session_endpoint": f"{provider.url}/end?tenant=club"}
    yield f"{provider.url}/end"
    provider.published = {}


async def test_to_sign_out_ends_the_session_at_the_provider(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api, ending: str
) -> None:
    await api.ok(await set_up(api, provider))
    await arrive(browser, provider, api.account_id, groups="marketing")
    (row,) = await db.rows(TOKENS, api.account_id)
    assert not row["sealed_id_token"].startswith("ey")
    answer = await sign_out(browser, api.account_id)
    assert answer.status_code == 200
    url, query = sign_out_target(answer)
    assert (url, query["tenant"], query["client_id"]) == (ending, "club", CLIENT_ID)
    # The provider knows its own token.
    claims = jwt.decode(query["id_token_hint"], provider.keys[0]).claims
    assert (claims["iss"], claims["email"]) == (provider.url, "jo@club.example")
    assert query["post_logout_redirect_uri"].endswith("/manage/sign_in")
    assert (await browser.get("/manage/me")).status_code == 303
    assert await db.rows(TOKENS, api.account_id) == []


async def test_a_token_whose_key_has_ended_is_left_out(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api, ending: str
) -> None:
    await api.ok(await set_up(api, provider))
    await arrive(browser, provider, api.account_id, groups="marketing")
    await db.execute("update staff_sessions set sealed_id_token = 'gone' where account_id = $1", api.account_id)
    url, query = sign_out_target(await sign_out(browser, api.account_id))
    assert (url, query["client_id"], "id_token_hint" in query) == (ending, CLIENT_ID, False)


@pytest.mark.parametrize("published", [{}, {"end_session_endpoint": "javascript:alert(1)"}])
async def test_without_such_an_address_the_session_ends_here_alone(
    browser: httpx.AsyncClient, provider: Provider, api: Api, ending: str, published: dict[str, str]
) -> None:
    provider.published = published
    await api.ok(await set_up(api, provider))
    await arrive(browser, provider, api.account_id, groups="marketing")
    answer = await sign_out(browser, api.account_id)
    assert (answer.status_code, answer.headers.get("location")) == (303, "/manage/sign_in")
    assert (await browser.get("/manage/me")).status_code == 303
    assert ending


async def test_a_provider_that_is_down_keeps_nobody_signed_in(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api, ending: str
) -> None:
    await api.ok(await set_up(api, provider))
    await arrive(browser, provider, api.account_id, groups="marketing")
    down = f"{ending}/down"
    await db.execute("update staff_sign_ons set issuer = $2 where account_id = $1", api.account_id, down)
    answer = await sign_out(browser, api.account_id)
    assert (answer.status_code, answer.headers.get("location")) == (303, "/manage/sign_in")
    assert (await browser.get("/manage/me")).status_code == 303


async def test_a_password_leads_to_no_provider(base_url: str, db: Db, api: Api, ending: str) -> None:
    assert ending
    async with signed_in(base_url, db, api.account_id) as client:
        answer = await sign_out(client, api.account_id)
    assert (answer.status_code, answer.headers.get("location")) == (303, "/manage/sign_in")
