"""Logging out, which a client asks for."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

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
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BYE}?state=a%26b")
    assert f'{cookie_of(api)}=""' in answer.headers["set-cookie"]
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
