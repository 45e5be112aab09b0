"""The buttons of identity providers on the login page: there, back, and on as after a password."""

import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey

from fanfare.hosted.actions.provider_logins import RETURN
from tests.api import Api
from tests.hosted.logins import code_in, exchange, login_url, register_site
from tests.hosted.pages import terms_in, token_in, visitor
from tests.identities.logins import PROVIDERS, accept_provider, identities
from tests.identity_provider import CLIENT_ID, KEY_ID, TEAM, Provider, identity_provider, spare_key
from tests.sessions.logins import fan_of

BUTTON = re.compile(r'<a class="[^"]*" href="([^"]+/provider\?[^"]+)">([^<]+)</a>')


@pytest.fixture(scope="module", autouse=True)
async def site(api: Api) -> None:
    await register_site(api)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with identity_provider() as running:
        yield running


@pytest.fixture
async def provider_id(api: Api, provider: Provider) -> AsyncIterator[int]:
    accepted = await accept_provider(api, provider, title="Northside ID")
    yield accepted
    await api.delete(f"{PROVIDERS}/{accepted}")


async def sent_to(client: httpx.AsyncClient, api: Api, **query: Any) -> str:
    """Click the button of the login page, and return where it leads."""
    page = await client.get(login_url(api, **query))
    ((url, words),) = BUTTON.findall(page.text)
    assert "Northside ID" in words
    answer = await client.get(unescape(url))
    assert answer.status_code == 303, answer.text
    location: str = answer.headers["location"]
    return location


async def back(client: httpx.AsyncClient, code: str, state: str) -> httpx.Response:
    return await client.get(RETURN, params={"code": code, "state": state})


@pytest.mark.usefixtures("provider_id")
async def test_a_fan_logs_in_at_a_provider_and_the_site_gets_a_session(
    api: Api, base_url: str, provider: Provider
) -> None:
    async with visitor(base_url) as client:
        url = await sent_to(client, api, state="x&y")
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{provider.url}/authorize?")
        assert (query["response_type"], query["client_id"], query["scope"]) == (
            "code",
            CLIENT_ID,
            "openid email profile",
        )
        assert query["code_challenge_method"] == "S256"
        assert query["redirect_uri"].endswith(RETURN)
        answer = await back(client, *provider.authorize(url, given_name="Ada"))
        session = await api.ok(await exchange(api, code_in(answer)))
        assert parse_qs(urlsplit(answer.headers["location"]).query)["state"] == ["x&y"]
        fan = await api.ok(await fan_of(api, session["session_uid"]))
        assert fan["first_name"] == "Ada"
        assert [each["subject"] for each in await identities(api, session["fan_id"])] == ["person-1"]
        assert "Continue as Ada" in (await client.get(login_url(api))).text
        sessions = await api.ok(await api.get(f"/api/v1/manage/fans/{session['fan_id']}/sessions"))
        assert "oidc" in {each["login_method"] for each in sessions}


@pytest.mark.usefixtures("provider_id")
async def test_a_page_that_needs_a_fresh_login_asks_the_provider_when_it_was(
    api: Api, base_url: str, provider: Provider
) -> None:
    home, fresh = (f"/crm/{name}?account_id={api.account_id}" for name in ("my_data", "passkeys"))
    now = int(time.time())
    # What the token says of the login at the provider, and whether that is enough for a page that needs a fresh one.
    for claims, is_enough in (({}, False), ({"auth_time": now - 3600}, False), ({"auth_time": now}, True)):
        async with visitor(base_url) as client:

            async def enter(path: str, prompt: str | None, client: Any = client, claims: Any = claims) -> Any:
                login = (await client.get(path)).headers["location"]
                ((url, _),) = BUTTON.findall((await client.get(login)).text)
                target = (await client.get(unescape(url))).headers["location"]
                assert parse_qs(urlsplit(target).query).get("prompt") == ([prompt] if prompt else None)
                assert parse_qs(urlsplit(target).query).get("max_age") == (["0"] if prompt else None)
                return await back(client, *provider.authorize(target, sub="again", **claims))

            assert (await enter(home, None)).headers["location"] == home
            assert (await client.get(home)).status_code == 200
            if is_enough:
                assert (await client.get(fresh)).status_code == 200
                continue
            assert (await client.get(fresh)).headers["location"].startswith("/crm/oauth?")
            page = await enter(fresh, "login")
            assert (page.status_code, "You were not logged in there" in page.text) == (422, True)


async def test_a_provider_without_id_tokens_gives_no_fresh_login(api: Api, base_url: str, provider: Provider) -> None:
    addresses = {name: f"{provider.url}/{name[:-4]}" for name in ("authorization_url", "token_url", "userinfo_url")}
    accepted = await accept_provider(api, provider, preset="spotify", title="Northside ID", **addresses)
    home, fresh = (f"/crm/{name}?account_id={api.account_id}" for name in ("my_data", "passkeys"))
    async with visitor(base_url) as client:
        login = (await client.get(home)).headers["location"]
        ((url, _),) = BUTTON.findall((await client.get(login)).text)
        target = (await client.get(unescape(url))).headers["location"]
        assert (await back(client, *provider.authorize(target, sub="singer"))).headers["location"] == home
        assert (await client.get(home)).status_code == 200
        login = (await client.get(fresh)).headers["location"]
        assert BUTTON.findall((await client.get(login)).text) == []
        # The button by its address.
        url = f"{login.replace('/crm/oauth?', '/crm/oauth/provider?')}&provider_id={accepted}"
        target = (await client.get(url)).headers["location"]
        assert (await back(client, *provider.authorize(target, sub="singer"))).status_code == 422
        assert (await client.get(fresh)).headers["location"].startswith("/crm/oauth?")
    await api.delete(f"{PROVIDERS}/{accepted}")


@pytest.mark.usefixtures("provider_id")
async def test_a_return_that_did_not_begin_here_logs_nobody_in(api: Api, base_url: str, provider: Provider) -> None:
    async with visitor(base_url) as victim, visitor(base_url) as attacker:
        code, state = provider.authorize(await sent_to(attacker, api))
        # Another's code and state, in a browser without, or with another, login.
        assert (await back(victim, code, state)).status_code == 403
        _, own_state = provider.authorize(await sent_to(victim, api))
        assert (await back(victim, code, state)).status_code == 403
        assert f"fanfare-session-{api.account_id}" not in victim.cookies
        for wrong in ("", "x", "5.x", f"{api.account_id}.x", "9" * 40 + ".x", own_state + "x", "a\x00b", "é"):
            assert (await back(victim, code, wrong)).status_code in (403, 422)
        assert f"fanfare-session-{api.account_id}" not in victim.cookies


@pytest.mark.usefixtures("provider_id")
async def test_a_stolen_code_fails_by_its_verifier_and_its_nonce(api: Api, base_url: str, provider: Provider) -> None:
    async with visitor(base_url) as client, visitor(base_url) as other:
        stolen, _ = provider.authorize(await sent_to(other, api))
        _, state = provider.authorize(await sent_to(client, api))
        page = await back(client, stolen, state)
        assert (page.status_code, "You were not logged in there" in page.text) == (422, True)
        code, state = provider.authorize(await sent_to(client, api), nonce="another")
        page = await back(client, code, state)
        assert (page.status_code, "You were not logged in there" in page.text) == (422, True)
        # The page goes on as the login page that it was.
        assert 'name="password"' in page.text
        assert f"fanfare-session-{api.account_id}" not in client.cookies


@pytest.mark.usefixtures("provider_id")
async def test_a_return_works_once(api: Api, base_url: str, provider: Provider) -> None:
    async with visitor(base_url) as client:
        code, state = provider.authorize(await sent_to(client, api))
        assert (await back(client, code, state)).status_code == 303
        assert (await back(client, code, state)).status_code == 403


@pytest.mark.usefixtures("provider_id")
async def test_who_refuses_at_the_provider_is_back_on_the_login_page(
    api: Api, base_url: str, provider: Provider
) -> None:
    async with visitor(base_url) as client:
        _, state = provider.authorize(await sent_to(client, api))
        page = await client.get(RETURN, params={"error": "access_denied", "state": state})
        assert "You were not logged in there" in page.text
        assert 'name="password"' in page.text


@pytest.mark.usefixtures("provider_id")
async def test_a_form_of_the_provider_goes_on_by_get(api: Api, base_url: str, provider: Provider) -> None:
    """Apple answers by a form, with which browsers send no cookie of ours."""
    async with visitor(base_url) as client, visitor(base_url) as without_cookies:
        code, state = provider.authorize(await sent_to(client, api))
        form = {"code": code, "state": state, "user": '{"name": {}}', "id_token": "x"}
        headers = {"Origin": "https://appleid.apple.com"}
        answer = await without_cookies.post(RETURN, data=form, headers=headers)
        assert answer.status_code == 303
        assert set(parse_qs(urlsplit(answer.headers["location"]).query)) == {"code", "state"}
        assert code_in(await client.get(answer.headers["location"]))


@pytest.mark.usefixtures("provider_id")
async def test_terms_are_accepted_before_the_login_at_a_provider_ends(
    api: Api, base_url: str, provider: Provider
) -> None:
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="A", legal_terms="Be kind."))
    try:
        async with visitor(base_url) as client:
            page = await back(client, *provider.authorize(await sent_to(client, api), sub="terms"))
            assert "Be kind." in page.text
            pending = re.search(r'name="pending" value="([^"]+)"', page.text)
            assert pending
            fields = {"form_token": token_in(page), **terms_in(page), "pending": pending[1], "is_accepted": "true"}
            assert code_in(await client.post(login_url(api, "/crm/oauth/terms"), data=fields))
    finally:
        await api.ok(await api.delete(f"/api/v1/manage/businesses/{business['business_id']}"))


@pytest.mark.usefixtures("provider_id")
async def test_a_link_that_fits_into_no_cookie_is_refused_before_the_provider(api: Api, base_url: str) -> None:
    async with visitor(base_url) as client:
        for size, status in ((1500, 303), (3900, 422)):
            page = await client.get(login_url(api, state="x" * size))
            ((url, _),) = BUTTON.findall(page.text)
            answer = await client.get(unescape(url))
            assert answer.status_code == status, size
            assert len(answer.headers.get("set-cookie", "")) < 4096
            assert ("too long" in answer.text) == (status == 422)


async def test_spotify_needs_no_token_of_apps_on_the_login_page(api: Api, base_url: str, provider: Provider) -> None:
    names = {"authorization_url": "authorize", "token_url": "token", "userinfo_url": "userinfo"}
    urls = {name: f"{provider.url}/{path}" for name, path in names.items()}
    saved = await accept_provider(api, provider, preset="spotify", title="Northside ID", **urls)
    try:
        async with visitor(base_url) as client:
            answer = await back(client, *provider.authorize(await sent_to(client, api), sub="listener"))
            session = await api.ok(await exchange(api, code_in(answer)))
            assert [each["subject"] for each in await identities(api, session["fan_id"])] == ["listener"]
            assert provider.exchanges[-1]["authorization"].startswith("Basic ")
    finally:
        await api.delete(f"{PROVIDERS}/{saved}")


@pytest.mark.usefixtures("provider_id")
async def test_a_provider_that_is_down_is_said_and_the_rest_of_the_page_works(
    api: Api, base_url: str, provider: Provider
) -> None:
    provider.replies = {"/.well-known/openid-configuration": (500, b"")}
    async with visitor(base_url) as client:
        page = await client.get(login_url(api))
        ((url, _),) = BUTTON.findall(page.text)
        assert (await client.get(unescape(url))).status_code == 503


async def test_a_page_without_providers_has_no_buttons(api: Api, base_url: str, provider: Provider) -> None:
    saved = await accept_provider(api, provider, is_enabled=False)
    async with visitor(base_url) as client:
        assert not BUTTON.findall((await client.get(login_url(api))).text)
        assert (await client.get(login_url(api, "/crm/oauth/provider", provider_id=str(saved)))).status_code == 404


async def test_apple_gets_a_signed_secret_and_says_the_name_once(api: Api, base_url: str, provider: Provider) -> None:
    provider.secret_key = ECKey.generate_key("P-256", private=True)
    key = provider.secret_key.as_pem(private=True).decode()
    values = {"preset": "apple", "title": "Northside ID", "team_id": TEAM, "key_id": KEY_ID, "client_secret": key}
    accepted = await accept_provider(api, provider, **values)
    listed = await api.ok(await api.get(PROVIDERS))
    assert [(each["team_id"], each["key_id"]) for each in listed if each["provider_id"] == accepted] == [(TEAM, KEY_ID)]
    assert "PRIVATE" not in str(listed)
    ada = {"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": "anything@example.com"}
    cases: list[tuple[Any, tuple[str | None, str | None]]] = [
        (json.dumps(ada), ("Ada", "Lovelace")),
        # what is made up is left out, and the login goes on
        ("{", (None, None)),
        (json.dumps({"name": {"firstName": ["Ada"]}}), (None, None)),
        (json.dumps({"name": {"firstName": "A\x00a", "lastName": "Bell"}}), (None, "Bell")),
        (None, (None, None)),
    ]
    for number, (user, names) in enumerate(cases):
        async with visitor(base_url) as client, visitor(base_url) as apple:
            code, state = provider.authorize(await sent_to(client, api), sub=f"apple-{number}")
            form = {"code": code, "state": state, **({"user": user} if user else {})}
            # The form comes from Apple's page, so without our cookies.
            answer = await apple.post(RETURN, data=form, headers={"Origin": "https://appleid.apple.com"})
            assert answer.status_code == 303
            assert "Ada" not in answer.headers["location"], "no name in a URL, which logs contain"
            answer = await client.get(answer.headers["location"])
            session = await api.ok(await exchange(api, code_in(answer)))
            fan = await api.ok(await fan_of(api, session["session_uid"]))
            assert (fan.get("first_name"), fan.get("last_name")) == names
    await api.delete(f"{PROVIDERS}/{accepted}")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"team_id": TEAM, "client_secret": "x"}, "key_id"),
        ({"key_id": KEY_ID, "client_secret": "x"}, "team_id"),
        ({"team_id": TEAM, "key_id": KEY_ID, "client_secret": "x"}, "client_secret"),
        (
            {"team_id": TEAM, "key_id": KEY_ID, "client_secret": spare_key(1).as_pem(private=True).decode()},
            "client_secret",
        ),
        ({"team_id": TEAM, "key_id": KEY_ID}, "client_secret"),
    ],
)
async def test_a_key_that_cannot_sign_is_refused(api: Api, values: dict[str, str], field: str) -> None:
    answer = await api.post(PROVIDERS, preset="apple", client_ids=["com.example.web"], **values)
    assert answer.status_code == 422
    assert field in {each["field"] for each in answer.json()["errors"]}
