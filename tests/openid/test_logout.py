"""Logging out, which a client asks for."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.openid.provider import (
    ACTION,
    HIDDEN,
    Client,
    authorize,
    cookie_of,
    fan_browser,
    get_tokens,
    new_client,
    new_fan,
    send_form,
    target_of,
    userinfo,
)

BYE = "https://shop.example/bye"


@pytest.fixture(scope="module")
async def client(api: Api) -> Client:
    return await new_client(api, post_logout_redirect_uris=[BYE])


@pytest.fixture
async def fan(api: Api) -> dict[str, Any]:
    return await new_fan(api)


@pytest.fixture
async def browser(api: Api, fan: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    async with fan_browser(api, fan["session_uid"]) as browser:
        yield browser


async def is_logged_in(api: Api, fan: dict[str, Any]) -> bool:
    return (await api.public_get(f"/api/v1/sessions/{fan['session_uid']}/fan")).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_with_the_fans_own_token_at_once(
    api: Api, client: Client, fan: dict[str, Any], browser: httpx.AsyncClient, method: str
) -> None:
    tokens = await get_tokens(api, browser, client)
    values = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE, "state": "a&b"}
    place = "params" if method == "GET" else "data"
    answer = await browser.request(method, f"{client.base}/end_session", **{place: values})  # type: ignore[arg-type]
    if method == "POST":
        # From another site it comes without the cookies (SameSite=Lax), so it ends nothing by itself.
        assert "set-cookie" not in answer.headers
        assert await is_logged_in(api, fan)
        answer = await browser.get(answer.headers["location"])
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BYE}?state=a%26b")
    assert f"{cookie_of(api)}=;" in answer.headers["set-cookie"]
    assert not await is_logged_in(api, fan)
    assert (await userinfo(api, client, tokens["access_token"])).status_code == 401
    # Once more: nobody is logged in, and the browser is led on all the same.
    answer = await browser.get(f"{client.base}/end_session", params=values)
    assert answer.headers["location"] == f"{BYE}?state=a%26b"


async def test_without_it_the_fan_is_asked(
    api: Api, client: Client, fan: dict[str, Any], browser: httpx.AsyncClient
) -> None:
    async with fan_browser(api, (await new_fan(api))["session_uid"]) as other:
        foreign = (await get_tokens(api, other, client))["id_token"]
    values = {"client_id": client.client_id, "post_logout_redirect_uri": BYE, "state": "s"}
    for hint in ({"id_token_hint": foreign}, {"id_token_hint": "e30.e30.x"}):
        assert "Log out?" in (await browser.get(f"{client.base}/end_session", params={**values, **hint})).text
        assert await is_logged_in(api, fan)
    page = await browser.get(f"{client.base}/end_session", params=values)
    match = ACTION.search(page.text)
    assert match
    fields = dict(HIDDEN.findall(page.text))
    assert (await browser.post(match[1], data={**fields, "form_token": "x"})).status_code == 403
    assert await is_logged_in(api, fan)
    assert target_of(await browser.post(match[1], data=fields)) == f"{BYE}?state=s"
    assert not await is_logged_in(api, fan)


async def test_without_a_target_a_page_says_so(
    client: Client, api: Api, fan: dict[str, Any], browser: httpx.AsyncClient
) -> None:
    page = await browser.get(f"{client.base}/end_session")
    answer = await browser.post(f"{client.base}/logout", data=dict(HIDDEN.findall(page.text)))
    assert "You are logged out" in answer.text
    assert not await is_logged_in(api, fan)


async def test_an_unregistered_target_is_never_led_to(
    api: Api, client: Client, fan: dict[str, Any], browser: httpx.AsyncClient
) -> None:
    other = await new_client(api)
    hint = (await get_tokens(api, browser, client))["id_token"]
    for values, status in (
        ({"id_token_hint": hint, "post_logout_redirect_uri": f"{BYE}/"}, 400),
        ({"post_logout_redirect_uri": BYE}, 400),
        ({"client_id": other.client_id, "post_logout_redirect_uri": BYE}, 400),
        ({"client_id": other.client_id, "id_token_hint": hint, "post_logout_redirect_uri": BYE}, 404),
        ({"client_id": "99999999"}, 404),
        ({"id_token_hint": "x", "post_logout_redirect_uri": BYE}, 400),
    ):
        answer = await browser.get(f"{client.base}/end_session", params=values)
        assert answer.status_code == status, values
        assert BYE not in answer.text
    assert await is_logged_in(api, fan)
    assert "/continue?" not in target_of(await authorize(browser, client))


async def test_a_form_of_another_site_logs_nobody_out(
    api: Api, client: Client, fan: dict[str, Any], browser: httpx.AsyncClient
) -> None:
    async with fan_browser(api) as elsewhere:
        # A browser sends no cookie with it.
        answer = await elsewhere.post(f"{client.base}/end_session", data={"state": "s", "other": "x"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)
    assert answer.headers["location"] == f"{client.base}/end_session?state=s"
    assert "Log out?" in (await browser.get(answer.headers["location"])).text
    assert await is_logged_in(api, fan)
    long = await browser.post(f"{client.base}/end_session", data={"id_token_hint": "x" * 9000})
    assert (long.status_code, "set-cookie" in long.headers) == (413, False)


async def test_of_a_token_whose_key_has_ended_the_client_is_believed(
    api: Api, db: Db, client: Client, fan: dict[str, Any], browser: httpx.AsyncClient
) -> None:
    values = {"id_token_hint": (await get_tokens(api, browser, client))["id_token"], "post_logout_redirect_uri": BYE}
    await db.execute("delete from openid_keys where account_id = $1", api.account_id)
    page = await browser.get(f"{client.base}/end_session", params=values)
    assert "Log out?" in page.text
    assert await is_logged_in(api, fan)
    assert target_of(await send_form(browser, page)) == BYE


HEADERS: dict[str, dict[str, object]] = {
    "crit is no list": {"alg": "RS256", "crit": 1},
    "crit has a list": {"alg": "RS256", "crit": [[]]},
    "kid is a list": {"alg": "RS256", "kid": []},
    "alg is a number": {"alg": 1},
    "none": {"alg": "none"},
    "no object": {},
}


@pytest.mark.parametrize("name", HEADERS)
async def test_a_malformed_token_is_as_none(client: Client, browser: httpx.AsyncClient, name: str) -> None:
    header = base64.urlsafe_b64encode(msgspec.json.encode(HEADERS[name])).decode().rstrip("=")
    for payload in ("e30", "", "W1tb", "!", "eyJhdWQiOjF9"):
        answer = await browser.get(f"{client.base}/end_session", params={"id_token_hint": f"{header}.{payload}.eA"})
        assert (answer.status_code, "Log out?" in answer.text) == (200, True), payload
