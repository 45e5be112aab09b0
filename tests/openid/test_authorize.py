"""Requests to log in: what leads back to the client with an error, and what leads nowhere."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from fanfare.hosted import browser_sessions
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.openid.provider import (
    CALLBACK,
    CLIENTS,
    INPUT,
    Client,
    authorize,
    come_back,
    decide,
    fan_browser,
    get_tokens,
    new_client,
    new_fan,
    post_token,
    query_of,
    send_form,
    target_of,
)
from tests.sessions.logins import PASSWORD


def inputs_of(page: httpx.Response) -> dict[str, str]:
    """Return what the fields to type into begin with."""
    return {name: unescape(value) for name, value in INPUT.findall(page.text) if name != "form_token"}


@pytest.fixture(scope="module")
async def client(api: Api) -> Client:
    return await new_client(api)


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which a new fan is logged in."""
    async with fan_browser(api, (await new_fan(api))["session_uid"]) as browser:
        yield browser


async def grants(db: Db, api: Api) -> int:
    count: int = await db.value("select count(*) from openid_grants where account_id = $1", api.account_id)
    return count


# What is changed in a right request, and the error of the RFCs.
ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "no response_type": ({"response_type": None}, "invalid_request"),
    "implicit": ({"response_type": "token"}, "unsupported_response_type"),
    "hybrid": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "form_post": ({"response_mode": "form_post"}, "invalid_request"),
    "no scope": ({"scope": None}, "invalid_scope"),
    "scope without openid": ({"scope": "profile"}, "invalid_scope"),
    "no PKCE": ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    "plain PKCE": ({"code_challenge_method": "plain"}, "invalid_request"),
    "PKCE without a method": ({"code_challenge_method": None}, "invalid_request"),
    "a method without PKCE": ({"code_challenge": None}, "invalid_request"),
    "a short challenge": ({"code_challenge": "abc"}, "invalid_request"),
    "another prompt": ({"prompt": "create"}, "invalid_request"),
    "none and login": ({"prompt": "none login"}, "invalid_request"),
    "a negative max_age": ({"max_age": "-1"}, "invalid_request"),
    "a max_age in words": ({"max_age": "day"}, "invalid_request"),
    "a huge max_age": ({"max_age": "9" * 400}, "invalid_request"),
    "a huge max_age after zeros": ({"max_age": "0" * 20 + "9" * 400}, "invalid_request"),
    "a huge max_age after many zeros": ({"max_age": "0" * 20 + "9" * 4400}, "invalid_request"),
    "a max_age of 31 years and more": ({"max_age": "1000000001"}, "invalid_request"),
    "a request object": ({"request": "e30.e30."}, "request_not_supported"),
    "a request_uri": ({"request_uri": "https://shop.example/r"}, "request_uri_not_supported"),
    "registration": ({"registration": "{}"}, "registration_not_supported"),
    "scope twice": ({"scope": ["openid", "openid"]}, "invalid_request"),
    "a NUL in the nonce": ({"nonce": "a\0b"}, "invalid_request"),
    "a long nonce": ({"nonce": "n" * 501}, "invalid_request"),
    "a nonce of long characters": ({"nonce": "\N{GRINNING FACE}" * 126}, "invalid_request"),
    "a long login_hint": ({"login_hint": "a" * 256}, "invalid_request"),
    "no consent yet": ({"prompt": "none"}, "consent_required"),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_errors_lead_back_to_the_client(
    api: Api, db: Db, client: Client, browser: httpx.AsyncClient, name: str, method: str
) -> None:
    changes, error = ERRORS[name]
    before = await grants(db, api)
    place = "params" if method == "GET" else "data"
    answer = await browser.request(method, f"{client.base}/authorize", **{place: client.request(**changes)})  # type: ignore[arg-type]
    assert answer.status_code == 303
    if method == "POST":
        answer = await browser.get(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    parameters = query_of(answer.headers["location"])
    assert (parameters["error"], parameters["state"]) == (error, "st/ate &?")
    assert parameters["iss"].endswith(client.base)
    assert parameters.get("error_description", "").isascii()
    assert "code" not in parameters
    assert await grants(db, api) == before


# What is wrong before it is known where errors may lead.
PAGES: dict[str, tuple[dict[str, Any], int]] = {
    "no client": ({"client_id": None}, 404),
    "an unknown client": ({"client_id": "999999999"}, 404),
    "a client in words": ({"client_id": "shop"}, 404),
    "a huge client id": ({"client_id": "9" * 300}, 404),
    "a client id beyond those of the database": ({"client_id": "9" * 19}, 404),
    "two clients": ({"client_id": ["1", "2"]}, 404),
    "no redirect_uri": ({"redirect_uri": None}, 400),
    "a letter more": ({"redirect_uri": f"{CALLBACK}/"}, 400),
    "a letter in upper case": ({"redirect_uri": CALLBACK.replace("callback", "Callback")}, 400),
    "a query more": ({"redirect_uri": f"{CALLBACK}?a=1"}, 400),
    "http": ({"redirect_uri": CALLBACK.replace("https", "http")}, 400),
    "another host": ({"redirect_uri": "https://shop.example.evil.example/callback"}, 400),
    "a user": ({"redirect_uri": "https://shop.example@evil.example/callback"}, 400),
    "a path upwards": ({"redirect_uri": f"{CALLBACK}/../callback"}, 400),
    "a script": ({"redirect_uri": "javascript:alert(1)"}, 400),
    "two of them": ({"redirect_uri": [CALLBACK, CALLBACK]}, 400),
}


@pytest.mark.parametrize("name", PAGES)
async def test_an_unregistered_target_is_never_led_to(
    api: Api, db: Db, client: Client, browser: httpx.AsyncClient, name: str
) -> None:
    changes, status = PAGES[name]
    before = await grants(db, api)
    answer = await authorize(browser, client, **changes)
    assert answer.status_code == status
    assert "location" not in answer.headers
    assert "http-equiv" not in answer.text
    assert "Go back to the application" in answer.text
    assert await grants(db, api) == before


async def test_a_client_of_another_account_is_unknown(
    other_api: Api, client: Client, browser: httpx.AsyncClient
) -> None:
    answer = await browser.get(f"/openid/{other_api.account_id}/authorize", params=client.request())
    assert answer.status_code == 404


async def test_a_device_may_listen_on_any_port(api: Api, browser: httpx.AsyncClient) -> None:
    client = await new_client(api, client_type="public", redirect_uris=["http://127.0.0.1/done", "http://[::1]/done"])
    for uri in ("http://127.0.0.1:51234/done", "http://[::1]:8000/done"):
        assert "error" in await come_back(browser, Client(**{**vars(client), "redirect_uri": uri}), prompt="none")
    for uri in ("http://127.0.0.1:51234/other", "http://127.0.0.2:51234/done", "http://localhost:51234/done"):
        assert (await authorize(browser, client, redirect_uri=uri)).status_code == 400


async def test_a_fan_who_is_not_logged_in_is_led_to_the_login(api: Api, client: Client) -> None:
    async with fan_browser(api) as browser:
        answer = await authorize(browser, client)
        assert answer.headers["location"].startswith("/crm/oauth?")
        parameters = query_of((await authorize(browser, client, prompt="none")).headers["location"])
        assert parameters["error"] == "login_required"


async def test_prompt_login_and_max_age_want_a_new_login(client: Client, browser: httpx.AsyncClient) -> None:
    await come_back(browser, client)
    assert "code" in await come_back(browser, client, max_age="3600")
    for changes in ({"prompt": "login"}, {"max_age": "0"}, {"prompt": "login consent"}):
        location = target_of(await authorize(browser, client, **changes))
        assert location.startswith("/crm/oauth?")
        assert query_of(location)["login"] == "again"
    parameters = query_of(target_of(await authorize(browser, client, max_age="0", prompt="none")))
    assert parameters["error"] == "login_required"


async def test_consent_is_asked_once_and_again_for_more(client: Client, browser: httpx.AsyncClient) -> None:
    assert "/continue?" in target_of(await authorize(browser, client, scope="openid"))
    await come_back(browser, client, scope="openid email")
    for scope in ("openid", "openid email", "openid email unknown offline_access"):
        assert "code" in query_of(target_of(await authorize(browser, client, scope=scope, prompt="none"))), scope
    assert "/continue?" in target_of(await authorize(browser, client, scope="openid phone"))
    await come_back(browser, client, scope="openid phone")
    assert "code" in query_of(target_of(await authorize(browser, client, scope="openid email phone", prompt="none")))
    assert "/continue?" in target_of(await authorize(browser, client, scope="openid", prompt="consent"))


async def test_a_fan_who_cancels_comes_back_without_a_code(
    api: Api, db: Db, client: Client, browser: httpx.AsyncClient
) -> None:
    page = await browser.get(target_of(await authorize(browser, client)))
    parameters = query_of(target_of(await decide(browser, page, "deny")))
    assert (parameters["error"], parameters["state"]) == ("access_denied", "st/ate &?")
    assert await db.value("select count(*) from openid_consents c join sessions s using (account_id, fan_id)"
                          " where c.account_id = $1 and s.session_hash = sha256(uuid_send($2::uuid))",
                          api.account_id, next(iter(browser.cookies.jar)).value) == 0  # fmt: skip


async def test_nobody_agrees_for_another_fan(api: Api, client: Client, browser: httpx.AsyncClient) -> None:
    page = await browser.get(target_of(await authorize(browser, client)))
    session = next(each for each in browser.cookies.jar if each.name.startswith("fanfare-session"))
    session.value = (await new_fan(api))["session_uid"]
    browser.cookies.jar.set_cookie(session)
    # The page is shown again, to the fan who has logged in since.
    assert "/continue?" in target_of(await decide(browser, page))
    foreign = await browser.post(
        f"{client.base}/consent", data={"decision": "allow", "request": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 403


async def test_a_page_that_was_left_open_does_not_outlive_its_client(api: Api, browser: httpx.AsyncClient) -> None:
    client = await new_client(api)
    page = await browser.get(target_of(await authorize(browser, client)))
    await api.ok(await api.post(f"{CLIENTS}/{client.client_id}", redirect_uris=["https://shop.example/new"]))
    assert (await decide(browser, page)).status_code == 400
    await api.ok(await api.delete(f"{CLIENTS}/{client.client_id}"))
    assert (await decide(browser, page)).status_code == 404


async def test_a_sealed_request_is_of_its_account(api: Api, other_api: Api, browser: httpx.AsyncClient) -> None:
    client = await new_client(api)
    location = target_of(await authorize(browser, client))
    elsewhere = location.replace(client.base, f"/openid/{other_api.account_id}")
    assert (await browser.get(elsewhere)).status_code == 410
    assert (await browser.get(f"{client.base}/continue?request=made-up")).status_code == 410


async def test_a_client_without_pkce(api: Api, browser: httpx.AsyncClient) -> None:
    client = await new_client(api, is_pkce_required=False)
    without = {"code_challenge": None, "code_challenge_method": None}
    code, second = [(await come_back(browser, client, **without))["code"] for _ in range(2)]
    exchange = client.exchange(code, code_verifier=None)
    assert (await post_token(api, client, exchange)).status_code == 200
    # As soon as it is required, no code is exchanged without it, not even one of before.
    await api.ok(await api.post(f"{CLIENTS}/{client.client_id}", is_pkce_required=True))
    answer = await post_token(api, client, {**exchange, "code": second})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_the_page_is_in_the_language_that_the_client_asks_for(client: Client, browser: httpx.AsyncClient) -> None:
    page = await browser.get(target_of(await authorize(browser, client, ui_locales="de-AT fr")))
    assert '<html lang="de"' in page.text
    # The first that there is, also on the login page.
    for changes in ({}, {"prompt": "login"}):
        page = await browser.get(target_of(await authorize(browser, client, ui_locales="gsw fr de", **changes)))
        assert '<html lang="fr"' in page.text
        page = await browser.get(target_of(await authorize(browser, client, ui_locales="gsw", **changes)))
        assert '<html lang="en"' in page.text


async def test_the_language_that_a_fan_chooses_stays_to_the_end(api: Api, client: Client) -> None:
    """From the login over the consent page and back to the login, though the client asks for another."""
    fan = await new_fan(api)
    async with fan_browser(api) as browser:
        login = await browser.get(target_of(await authorize(browser, client, ui_locales="fr")))
        assert '<html lang="fr"' in login.text
        (german,) = re.findall(r'href="([^"]+)" lang="de"', login.text)
        page = await browser.get(unescape(german))
        assert '<html lang="de"' in page.text
        answer = await send_form(browser, page, contact=fan["email"], password=PASSWORD)
        consent = await browser.get(answer.headers["location"])
        assert ('<html lang="de"' in consent.text, "Erlauben" in consent.text) == (True, True)
        assert '<html lang="de"' in (await decide(browser, consent)).text
        page = await browser.get(target_of(await authorize(browser, client, prompt="login", ui_locales="fr")))
        assert '<html lang="de"' in page.text
        assert '<html lang="de"' in (await browser.get(f"{client.base}/end_session")).text
    async with fan_browser(api) as browser:
        page = await browser.get(target_of(await authorize(browser, client, ui_locales="fr")))
        assert '<html lang="fr"' in page.text, "of another browser"


# What a client knows of the fan, and what the fields of the login page and of the registration begin with.
HINTS: dict[str, tuple[str, ...]] = {
    "ada.okoro@example.com": ("contact", "email"),
    "+1 604 555 0123": ("contact", "phone"),
    '"><script>alert(1)</script>@example.com': (),
    "user-17": (),
}


@pytest.mark.parametrize("hint", HINTS)
async def test_the_login_begins_with_the_hint_of_the_client(api: Api, client: Client, hint: str) -> None:
    async with fan_browser(api) as browser:
        location = target_of(await authorize(browser, client, login_hint=hint))
        # Sealed: servers on the way log the addresses of pages.
        assert hint.partition("@")[0] not in unquote(location)
        for path in ("/crm/oauth", "/crm/oauth/code", "/crm/oauth/register", "/crm/oauth/forgotten"):
            page = await browser.get(location.replace("/crm/oauth", path, 1))
            assert page.status_code == 200
            expected = {name: hint.replace(" ", "") for name in HINTS[hint] if f'name="{name}"' in page.text}
            assert inputs_of(page) == expected, path
            assert "<script>alert" not in page.text
        # What the fan typed instead is kept.
        page = await send_form(browser, await browser.get(location), contact="bob@example.com", password="wrong")
        assert inputs_of(page) == {"contact": "bob@example.com"}
        forged = location.replace("login_hint=", "login_hint=eve%40example.com&other=")
        assert inputs_of(await browser.get(forged)) == {}


async def test_a_form_of_a_client_goes_on_by_get_with_the_cookies(
    api: Api, client: Client, browser: httpx.AsyncClient
) -> None:
    await come_back(browser, client)
    request = client.request(prompt="none", state="ä &")
    async with fan_browser(api) as elsewhere:
        # A browser sends no cookie with a form of another site (SameSite=Lax).
        answer = await elsewhere.post(f"{client.base}/authorize", data={**request, "other": "x"})
    assert answer.status_code == 303
    assert query_of(answer.headers["location"]) == request
    parameters = query_of(target_of(await browser.get(answer.headers["location"])))
    assert (parameters["state"], "code" in parameters) == ("ä &", True)


async def test_a_form_in_json_is_no_fault(client: Client, browser: httpx.AsyncClient) -> None:
    faults: list[dict[str, object]] = [{"\ud800": "a"}, {"nonce": "\ud800"}, {"nonce": 1}, {"nonce": {"a": []}}]
    for wrong in faults:
        content = json.dumps({**client.request(), **wrong})
        headers = {"Content-Type": "application/json"}
        answer = await browser.post(f"{client.base}/authorize", content=content, headers=headers)
        assert answer.status_code == 303, wrong
        location = target_of(await browser.get(answer.headers["location"]))
        assert ("error=invalid_request" in location) == ("nonce" in wrong), location


async def test_a_client_that_expects_a_fan_gets_no_other(api: Api, client: Client, browser: httpx.AsyncClient) -> None:
    hint = (await get_tokens(api, browser, client))["id_token"]
    assert "code" in query_of(target_of(await authorize(browser, client, prompt="none", id_token_hint=hint)))
    async with fan_browser(api, (await new_fan(api))["session_uid"]) as other:
        await come_back(other, client)
        assert "code" in query_of(target_of(await authorize(other, client, prompt="none", id_token_hint="e30.e30.x")))
        answer = await authorize(other, client, prompt="none", id_token_hint=hint)
        assert query_of(target_of(answer))["error"] == "login_required"
        login = target_of(await authorize(other, client, id_token_hint=hint))
        assert (urlsplit(login).path, query_of(login)["login"]) == ("/crm/oauth", "again")
        path = browser_sessions.next_path(query_of(login)["next"])
        assert path
        assert query_of(target_of(await other.get(path)))["error"] == "login_required"
        assert "code" in query_of(target_of(await browser.get(path)))


async def test_descriptions_are_ascii(client: Client, browser: httpx.AsyncClient) -> None:
    parameters = query_of(target_of(await authorize(browser, client, **{'ü"': ["a", "b"]})))
    assert parameters["error_description"] == "'' was sent more than once, or is not a text"
