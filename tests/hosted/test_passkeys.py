"""Passkeys on our own pages: added and removed by who has just logged in, and the login by one."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from fanfare.kernel.pages.assets import assets
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.conftest import serving
from tests.hosted.logins import code_in, exchange, login_url, register_site, submit
from tests.hosted.pages import terms_in, token_in, visitor
from tests.passkeys.authenticator import PRESENT, Authenticator
from tests.sessions.logins import PASSWORD, fan_of, registered
from tests.sessions.test_sessions import Watch

OPTIONS = re.compile(r'data-options="([^"]+)"')


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def base_url(settings: Settings, watch: Watch) -> Iterator[str]:
    """A server at a name: no browser makes passkeys for an IP address."""
    with serving(settings, watch, "localhost") as url:
        yield url


@pytest.fixture(scope="module", autouse=True)
async def site(api: Api) -> None:
    await register_site(api)


def own_url(api: Api, path: str = "", **query: Any) -> str:
    return f"/crm/passkeys{path}?{urlencode({'account_id': api.account_id, **query})}"


def options_in(page: httpx.Response) -> Any:
    """Return what the page tells the browser of passkeys."""
    match = OPTIONS.search(page.text)
    assert match, page.text
    return json.loads(unescape(match[1]))


async def enter(client: httpx.AsyncClient, api: Api, email: str) -> httpx.Response:
    """Return the fan's page of passkeys, after a login by password to which it led."""
    answer = await client.get(own_url(api))
    assert answer.status_code == 303
    login = answer.headers["location"]
    answer = await submit(client, login, contact=email, password=PASSWORD)
    assert answer.status_code == 303, answer.text
    return await client.get(answer.headers["location"])


async def add(client: httpx.AsyncClient, api: Api, page: httpx.Response, device: Authenticator) -> httpx.Response:
    credential = json.dumps(device.register(options_in(page), origin=str(client.base_url).rstrip("/")))
    return await client.post(own_url(api), data={"form_token": token_in(page), "credential": credential})


async def log_in(
    client: httpx.AsyncClient, api: Api, device: Authenticator, url: str = "", **wrong: Any
) -> httpx.Response:
    """Log in on the login page with a passkey."""
    url = url or login_url(api)
    page = await client.get(url)
    credential = json.dumps(device.log_in(options_in(page), origin=str(client.base_url).rstrip("/"), **wrong))
    target = f"/crm/oauth/passkey?{urlsplit(url).query}"
    return await client.post(target, data={"form_token": token_in(page), "credential": credential})


async def test_ada_adds_a_passkey_logs_in_with_it_and_removes_it(api: Api, base_url: str) -> None:
    ada, device = await registered(api, "ada@example.org"), Authenticator()
    async with visitor(base_url) as client:
        page = await enter(client, api, "ada@example.org")
        assert "You have no passkeys yet." in page.text
        answer = await add(client, api, page, device)
        assert answer.status_code == 303, answer.text
        page = await client.get(answer.headers["location"])
        assert "Saved." in page.text
        assert "Remove Passkey" in page.text
        async with visitor(base_url) as other:
            answer = await log_in(other, api, device)
            session = await api.ok(await exchange(api, code_in(answer)))
            assert (await api.ok(await fan_of(api, session["session_uid"])))["fan_id"] == ada["fan_id"]
        passkey_id = re.search(r'name="passkey_id" value="(\d+)"', page.text)
        assert passkey_id
        data = {"form_token": token_in(page), "passkey_id": passkey_id[1]}
        answer = await client.post(own_url(api, "/remove"), data=data)
        assert "You have no passkeys yet." in (await client.get(answer.headers["location"])).text
    async with visitor(base_url) as client:
        assert (await log_in(client, api, device)).status_code == 422


async def test_a_wrong_passkey_shows_the_login_again(api: Api, base_url: str) -> None:
    await registered(api, "bob@example.org")
    device = Authenticator()
    async with visitor(base_url) as client:
        await add(client, api, await enter(client, api, "bob@example.org"), device)
    async with visitor(base_url) as client:
        answer = await log_in(client, api, device, flags=PRESENT)
        assert answer.status_code == 422
        assert "Please use another way to log in." in answer.text
        # The password form of this page is that of the login.
        assert 'action="/crm/oauth?' in answer.text
        assert options_in(answer)["rpId"] == "localhost"
        page = await client.get(f"/crm/oauth/passkey?{urlsplit(login_url(api)).query}")
        assert urlsplit(page.headers["location"]).path == "/crm/oauth"
        target = f"/crm/oauth/passkey?{urlsplit(login_url(api)).query}"
        for credential in ("", "{}", "x" * 12_001, "[" * 5000):
            data = {"form_token": token_in(answer), "credential": credential}
            assert (await client.post(target, data=data)).status_code == 422
        assert (await client.post(target, data={"credential": "{}"})).status_code == 403


async def test_adding_and_removing_needs_a_login_of_the_last_minutes(api: Api, base_url: str, watch: Watch) -> None:
    await registered(api, "cleo@example.org")
    async with visitor(base_url) as client:
        page = await enter(client, api, "cleo@example.org")
        watch.now += timedelta(minutes=11)
        for answer in (
            await client.get(own_url(api)),
            await add(client, api, page, Authenticator()),
            await client.post(own_url(api, "/remove"), data={"form_token": token_in(page), "passkey_id": "1"}),
        ):
            assert answer.status_code == 303
            assert "login=again" in answer.headers["location"]


async def test_terms_are_accepted_between(other_api: Api, base_url: str) -> None:
    api = other_api
    await register_site(api)
    answer = await api.post("/api/v1/manage/businesses", business_name="Terms", legal_terms="Be kind.")
    business_id = (await api.ok(answer))["business_id"]
    await registered(api, "dana@example.org", is_accepted="true")
    device = Authenticator(is_synced=False)
    async with visitor(base_url) as client:
        await add(client, api, await enter(client, api, "dana@example.org"), device)
    await api.ok(await api.post(f"/api/v1/manage/businesses/{business_id}", legal_terms="Be kinder."))
    async with visitor(base_url) as client:
        page = await log_in(client, api, device)
        pending = re.search(r'name="pending" value="([^"]+)"', page.text)
        assert pending, page.text
        data = {"form_token": token_in(page), **terms_in(page), "pending": unescape(pending[1]), "is_accepted": "true"}
        answer = await client.post(f"/crm/oauth/terms?{urlsplit(login_url(api)).query}", data=data)
        assert await api.ok(await exchange(api, code_in(answer)))


async def test_the_host_that_a_site_shares_with_the_pages(other_api: Api, base_url: str) -> None:
    """Registered for the origin of the pages, its passkeys are those of the site."""
    await register_site(other_api)
    answer = await other_api.post("/api/v1/manage/passkey_origins", origin=base_url)
    assert (await other_api.ok(answer))["rp_id"] == "localhost"
    async with visitor(base_url) as client:
        assert options_in(await client.get(login_url(other_api)))["rpId"] == "localhost"


async def test_older_passkeys_go_on_when_the_pages_get_another_host(
    other_api: Api, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, origin = other_api, "https://pages.example.com"
    monkeypatch.setattr(public_address, "base", origin)
    await register_site(api)
    await registered(api, "old@example.org", is_accepted=True)
    old, new = Authenticator(), Authenticator()

    async def offered() -> list[Any]:
        page = await client.get(login_url(api, login="again"))
        return [json.loads(unescape(each)) for each in OPTIONS.findall(page.text)]

    async def try_log_in(device: Authenticator, options: Any) -> httpx.Response:
        page = await client.get(login_url(api, login="again"))
        credential = json.dumps(device.log_in(options, origin=origin))
        target = f"/crm/oauth/passkey?{urlsplit(login_url(api)).query}"
        return await client.post(target, data={"form_token": token_in(page), "credential": credential})

    async def add_here(device: Authenticator) -> None:
        page = await client.get(own_url(api))
        credential = json.dumps(device.register(options_in(page), origin=origin))
        data = {"form_token": token_in(page), "credential": credential}
        assert (await client.post(own_url(api), data=data)).status_code == 303

    async with visitor(base_url) as client:
        await enter(client, api, "old@example.org")
        await add_here(old)
        values = {"origin": origin, "rp_id": "example.com"}
        entry = await api.ok(await api.post("/api/v1/manage/passkey_origins", **values))
        await add_here(new)
        shared, first = await offered()
        assert (shared["rpId"], first["rpId"]) == ("example.com", "pages.example.com")
        for device, options in ((new, shared), (old, first)):
            assert code_in(await try_log_in(device, options))
        assert (await try_log_in(old, (await offered())[0])).status_code == 422
        page = await client.get(own_url(api))
        for passkey_id in re.findall(r'name="passkey_id" value="(\d+)"', page.text)[:1]:
            await client.post(own_url(api, "/remove"), data={"form_token": token_in(page), "passkey_id": passkey_id})
        assert [each["rpId"] for each in await offered()] == ["example.com"], "nobody has an older one any more"
    await api.ok(await api.delete(f"/api/v1/manage/passkey_origins/{entry['passkey_origin_id']}"))


async def test_a_passkey_gets_a_name_and_shows_when_it_was_used(api: Api, base_url: str) -> None:
    await registered(api, "gus@example.org")
    device = Authenticator()
    async with visitor(base_url) as client:
        page = await client.get(
            (await add(client, api, await enter(client, api, "gus@example.org"), device)).headers["location"]
        )
        assert ("Not used yet" in page.text, "Last used on" in page.text) == (True, False)
        (path,) = re.findall(r'href="(/crm/passkeys/name\?[^"]+)"', page.text)
        path = unescape(path)
        for wrong in (" ", "x" * 101):
            refused = await submit(client, path, passkey_name=wrong)
            assert (refused.status_code, "Enter a name of at most" in refused.text) == (422, True)
        answer = await submit(client, path, passkey_name="Gus' <phone>")
        page = await client.get(answer.headers["location"])
        assert "Gus&#39; &lt;phone&gt;" in page.text
        async with visitor(base_url) as other:
            assert code_in(await log_in(other, api, device))
        assert "Last used on" in (await client.get(own_url(api))).text
        await registered(api, "thief@example.org")
        async with visitor(base_url) as thief:
            await enter(thief, api, "thief@example.org")
            assert (await thief.get(path)).status_code == 404


def test_the_script_is_small() -> None:
    assert len(assets()["passkeys.js"].content) < 3000
