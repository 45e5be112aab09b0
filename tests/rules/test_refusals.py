"""No call answers a key that is revoked or expired, or a stranger whose minute is used up: tried on every call."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fanfare import app
from fanfare.accounts.actions import create_key, revoke_key, rotate_key
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.web.endpoint import Endpoint
from tests.api import Api
from tests.conftest import serving
from tests.running import PATIENCE
from tests.transport import Client

NOW = datetime(2026, 5, 1, 17, 30, tzinfo=UTC)
Headers = dict[str, str]
ENDPOINTS = app.endpoints()
EACH = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.call_id)
STRANGER = "203.0.113.9"
# How proxies write one caller, behind what the caller says itself.
SPELLINGS = (
    STRANGER, f"{STRANGER}:4711", f"::ffff:{STRANGER}", f"[::ffff:{STRANGER}]:4711", f"198.51.100.1, {STRANGER}",
    f"nonsense,{STRANGER}", f"127.0.0.1, {STRANGER}", f"{STRANGER},  127.0.0.2",
)  # fmt: skip


@pytest.fixture(scope="module")
def proxied_url(settings: Settings) -> Iterator[str]:
    """A server behind proxies, at one moment: its minute never ends."""
    with serving(settings.replace(trusted_proxies=("127.0.0.0/8",)), lambda: NOW) as url:
        yield url


@pytest.fixture(scope="module")
async def client(proxied_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with Client(base_url=proxied_url, timeout=PATIENCE) as api:
        yield api


async def call(client: httpx.AsyncClient, endpoint: Endpoint, headers: Headers) -> httpx.Response:
    return await client.request(endpoint.method, re.sub(r"\{[^}]*\}", "1", endpoint.path), headers=headers)


@pytest.fixture(scope="module")
async def ended(db: Db, api: Api) -> list[Headers]:
    """A revoked key with and without its secret, and a secret that has expired."""
    key = await create_key(db, api.account_id, SCOPES, NOW)
    await revoke_key(db, api.account_id, key.api_key, NOW)
    revoked = {"Api-Key": str(key.api_key)}
    other = await create_key(db, api.account_id, SCOPES, NOW)
    await rotate_key(db, api.account_id, other.api_key, NOW - timedelta(hours=2), overlap=timedelta(hours=1))
    old = {"Api-Secret": other.api_secret}
    return [revoked, {**revoked, "Api-Secret": key.api_secret}, {"Api-Secret": key.api_secret}, old]


@EACH
async def test_what_has_ended_opens_nothing(
    endpoint: Endpoint, client: httpx.AsyncClient, ended: list[Headers]
) -> None:
    # Each call from an address of its own: who tries many is refused for that.
    address = f"198.51.100.{ENDPOINTS.index(endpoint) % 250}"
    for headers in ended:
        answer = await call(client, endpoint, {**headers, "X-Forwarded-For": address})
        assert (answer.status_code, answer.json()["code"]) == (401, "no_key")


@pytest.fixture(scope="module")
async def public(db: Db, api: Api, client: httpx.AsyncClient) -> Headers:
    """A public key whose calls of a minute a stranger has used up."""
    key = await create_key(db, api.account_id, SCOPES, NOW, rate_limit=20)
    headers = {"Api-Key": str(key.api_key)}
    calls = (client.get("/api/v1/businesses", headers={**headers, "X-Forwarded-For": STRANGER}) for _ in range(30))
    statuses = [answer.status_code for answer in await asyncio.gather(*calls)]
    assert statuses.count(429) == 10
    return headers


@EACH
async def test_a_stranger_whose_minute_is_used_up_gets_nothing_more(
    endpoint: Endpoint, client: httpx.AsyncClient, public: Headers
) -> None:
    for spelling in SPELLINGS:
        answer = await call(client, endpoint, {**public, "X-Forwarded-For": spelling})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_calls"), spelling
        assert answer.headers["x-ratelimit-remaining"] == "0"
        assert int(answer.headers["retry-after"]) > 0


async def test_others_are_served_meanwhile(client: httpx.AsyncClient, public: Headers) -> None:
    answer = await client.get("/api/v1/businesses", headers={**public, "X-Forwarded-For": "203.0.113.10"})
    assert answer.status_code == 200
