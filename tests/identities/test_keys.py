"""A provider's keys: remembered, replaced, asked for sparingly; and a provider that is down or lies."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import Api, new_api
from tests.conftest import serving
from tests.hosted.logins import login_url, register_site
from tests.hosted.pages import visitor
from tests.identities.logins import PROVIDERS, accept_provider, faults, login, try_login
from tests.identity_provider import CONFIGURATION, KEYS, Provider, identity_provider, spare_key
from tests.sessions.logins import connect
from tests.sessions.test_sessions import Watch
from tests.waits import until

pytestmark = pytest.mark.usefixtures("provider_id")


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def base_url(settings: Settings, watch: Watch) -> Iterator[str]:
    with serving(settings, watch) as url:
        yield url


@pytest.fixture(scope="module", autouse=True)
async def site(api: Api) -> None:
    await register_site(api)


def token(provider: Provider, watch: Watch, number: int | None = None, **claims: Any) -> str:
    now = int(watch.now.timestamp())
    key = None if number is None else spare_key(number)
    return provider.token(key, iat=now, exp=now + 600, **claims)


async def test_keys_are_asked_for_once_an_hour(api: Api, provider: Provider, watch: Watch) -> None:
    for _ in range(3):
        await login(api, provider, token(provider, watch))
    assert provider.requests == [CONFIGURATION, KEYS]
    watch.now += timedelta(minutes=61)
    await login(api, provider, token(provider, watch))
    assert provider.requests == [CONFIGURATION, KEYS] * 2


async def test_a_new_key_is_found_and_the_old_one_ends(api: Api, provider: Provider, watch: Watch) -> None:
    await login(api, provider, token(provider, watch))
    watch.now += timedelta(minutes=2)
    provider.rotate(3)
    await login(api, provider, token(provider, watch))
    assert "does not publish" in faults(await try_login(api, provider, token(provider, watch, 0)))["id_token"]


async def test_unknown_keys_let_ask_once_a_minute(api: Api, provider: Provider, watch: Watch) -> None:
    await login(api, provider, token(provider, watch))
    for _ in range(2):
        watch.now += timedelta(seconds=61)
        requests = len(provider.requests)
        for number in (4, 5, 6):
            answer = await try_login(api, provider, token(provider, watch, number))
            assert "does not publish" in faults(answer)["id_token"]
        assert provider.requests[requests:].count(KEYS) == 1


async def test_many_first_logins_ask_once(api: Api, provider: Provider, watch: Watch) -> None:
    tokens = [token(provider, watch, sub=f"crowd-{number}") for number in range(10)]
    answers = await asyncio.gather(*(try_login(api, provider, each) for each in tokens))
    assert [each.status_code for each in answers] == [200] * 10
    assert provider.requests == [CONFIGURATION, KEYS]


async def test_each_account_asks_itself(base_url: str, db: Db, api: Api, provider: Provider, watch: Watch) -> None:
    await login(api, provider, token(provider, watch))
    async with new_api(base_url, db) as second:
        await accept_provider(second, provider)
        await login(second, provider, token(provider, watch))
    assert provider.requests == [CONFIGURATION, KEYS] * 2


BROKEN = {
    "fault": {KEYS: (500, b"")},
    "busy": {KEYS: (429, b"")},
    "missing": {KEYS: (404, b"")},
    "redirect": {KEYS: (302, b"")},
    "no JSON": {KEYS: (200, b"<html>")},
    "an array": {KEYS: (200, b"[]")},
    "too deep": {KEYS: (200, b"[" * 100_000)},
    "too long": {KEYS: (200, b'{"keys": "' + b"x" * 300_000 + b'"}')},
    "no configuration": {CONFIGURATION: (404, b"{}")},
    "an empty configuration": {CONFIGURATION: (200, b"{}")},
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_provider_that_is_broken_is_a_503(api: Api, provider: Provider, watch: Watch, name: str) -> None:
    provider.replies = dict(BROKEN[name])
    answer = await try_login(api, provider, token(provider, watch))
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert answer.headers["Retry-After"] == "5"
    # Nobody asks at once again; a little later it works.
    provider.replies = {}
    requests = len(provider.requests)
    assert (await try_login(api, provider, token(provider, watch))).status_code == 503
    assert len(provider.requests) == requests
    watch.now += timedelta(seconds=6)
    await login(api, provider, token(provider, watch))


@pytest.mark.parametrize(
    "published",
    [
        {"issuer": "https://accounts.google.com"},
        {"jwks_uri": "http://169.254.169.254/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
)
async def test_a_provider_that_publishes_nonsense_is_a_503(
    api: Api, provider: Provider, watch: Watch, published: dict[str, object]
) -> None:
    provider.published = published
    assert (await try_login(api, provider, token(provider, watch))).status_code == 503
    assert KEYS not in provider.requests


async def test_keys_that_are_known_serve_while_the_provider_is_down(api: Api, provider: Provider, watch: Watch) -> None:
    await login(api, provider, token(provider, watch))
    provider.replies = {KEYS: (500, b""), CONFIGURATION: (500, b"")}
    watch.now += timedelta(minutes=2)
    assert (await try_login(api, provider, token(provider, watch, 4))).status_code == 503
    await login(api, provider, token(provider, watch))


async def click(api: Api, base_url: str, provider_id: int) -> int:
    """Click the provider's button on the login page; return the status."""
    async with visitor(base_url) as client:
        return (await client.get(login_url(api, "/crm/oauth/provider", provider_id=str(provider_id)))).status_code


async def test_clicks_ask_once_an_hour_what_is_published(
    base_url: str, api: Api, provider: Provider, provider_id: int, watch: Watch
) -> None:
    await api.ok(await api.post(f"{PROVIDERS}/{provider_id}", jwks_url=f"{provider.url}{KEYS}"))
    for _ in range(3):
        assert await click(api, base_url, provider_id) == 303
    assert provider.requests == [CONFIGURATION]
    # An app's login reads the keys, which is no reason to keep longer what is published.
    watch.now += timedelta(minutes=59)
    await login(api, provider, token(provider, watch))
    assert provider.requests == [CONFIGURATION, KEYS]
    watch.now += timedelta(minutes=2)
    assert await click(api, base_url, provider_id) == 303
    assert provider.requests == [CONFIGURATION, KEYS, CONFIGURATION]


async def test_clicks_do_not_ask_a_provider_that_is_down_again_and_again(
    base_url: str, api: Api, provider: Provider, provider_id: int, watch: Watch
) -> None:
    provider.replies = {CONFIGURATION: (500, b"")}
    assert await asyncio.gather(*(click(api, base_url, provider_id) for _ in range(5))) == [503] * 5
    assert await click(api, base_url, provider_id) == 503
    assert provider.requests == [CONFIGURATION]
    provider.replies = {}
    watch.now += timedelta(seconds=6)
    assert await click(api, base_url, provider_id) == 303


async def test_a_provider_that_hangs_delays_only_its_own(base_url: str, db: Db, api: Api, watch: Watch) -> None:
    with identity_provider() as slow, identity_provider() as good:
        await accept_provider(api, slow)
        slow.waits.set()
        calls = [asyncio.create_task(try_login(api, slow, token(slow, watch))) for _ in range(20)]

        async def is_asked() -> bool:
            return bool(slow.requests)

        await until(is_asked)
        await accept_provider(api, good)
        await login(api, good, token(good, watch))
        assert (await connect(api))["session_uid"]
        async with new_api(base_url, db) as second:
            await accept_provider(second, good)
            await login(second, good, token(good, watch))
        assert not any(each.done() for each in calls)
        slow.waits.clear()
        slow.release.set()
        answers = [await each for each in calls]
        assert sorted({each.status_code for each in answers}) == [200]


async def test_a_provider_that_is_gone_is_a_503(api: Api, watch: Watch) -> None:
    with identity_provider() as gone:
        await accept_provider(api, gone)
        late = token(gone, watch)
    answer = await try_login(api, gone, late)
    assert answer.status_code == 503
    assert gone.url not in json.dumps(answer.json())
