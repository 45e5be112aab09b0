"""A key does what its scopes say and no more, on every call: the rule is tried on all of them."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from fanfare import app
from fanfare.accounts.actions import create_key
from fanfare.kernel.callers import PUBLIC, SCOPES, SECRET
from fanfare.kernel.data import limits
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import Endpoint
from tests.api import Api
from tests.running import PATIENCE
from tests.transport import Client

ENDPOINTS = app.endpoints()
EACH = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.call_id)
Headers = dict[str, str]


@pytest.fixture(scope="module")
async def without(db: Db, api: Api) -> dict[str, Headers]:
    """For each scope, a key that has every other."""
    created = {}
    for scope in {each.scope for each in ENDPOINTS}:
        rest = [each for each in SCOPES if each != scope]
        key = await create_key(db, api.account_id, rest, datetime.now(UTC))
        created[scope] = {"Api-Key": str(key.api_key), "Api-Secret": key.api_secret}
    return created


@pytest.fixture(scope="module")
async def client(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with Client(base_url=base_url, timeout=PATIENCE) as api:
        yield api


@pytest.fixture(scope="module", autouse=True)
def _many_refusals() -> Iterator[None]:
    """Let one address be refused more often in a minute than there are calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "REFUSAL_LIMIT", 100_000)
        yield


async def code(client: httpx.AsyncClient, endpoint: Endpoint, headers: Headers) -> tuple[int, str]:
    """Call with made-up ids and nothing else; return the status and the problem's code."""
    answer = await client.request(endpoint.method, re.sub(r"\{[^}]*\}", "1", endpoint.path), headers=headers)
    problem = answer.json() if answer.status_code >= 400 else {}
    return answer.status_code, problem.get("code", "") if isinstance(problem, dict) else ""


@EACH
async def test_no_key(endpoint: Endpoint, client: httpx.AsyncClient) -> None:
    assert await code(client, endpoint, {}) == (401, "no_key")


@EACH
async def test_key_without_the_scope(
    endpoint: Endpoint, client: httpx.AsyncClient, without: dict[str, Headers]
) -> None:
    assert await code(client, endpoint, without[endpoint.scope]) == (403, "forbidden")


@EACH
async def test_secret_is_needed_or_not(endpoint: Endpoint, client: httpx.AsyncClient, api: Api) -> None:
    answered = await code(client, endpoint, {"Api-Key": api.keys["Api-Key"]})
    assert (answered == (403, "forbidden")) == (endpoint.key == SECRET)
    assert answered[0] < 500


@EACH
async def test_wrong_secret(endpoint: Endpoint, client: httpx.AsyncClient, api: Api) -> None:
    wrong = {"Api-Key": api.keys["Api-Key"], "Api-Secret": api.keys["Api-Secret"][:-1]}
    assert await code(client, endpoint, wrong) == (401, "no_key")


@EACH
async def test_key_with_the_scope(endpoint: Endpoint, client: httpx.AsyncClient, api: Api) -> None:
    status, word = await code(client, endpoint, api.keys)
    assert status in (200, 404, 409, 422), word


@EACH
async def test_the_secret_alone(endpoint: Endpoint, client: httpx.AsyncClient, api: Api) -> None:
    status, word = await code(client, endpoint, {"Api-Secret": api.keys["Api-Secret"]})
    assert status in (200, 404, 409, 422), word


def test_manage_calls_need_the_secret() -> None:
    managing = [each for each in ENDPOINTS if each.path.startswith("/api/v1/manage/")]
    assert [each.call_id for each in managing if (each.scope, each.key) != ("manage", SECRET)] == []
    assert [each.call_id for each in ENDPOINTS if each.scope == "manage" and each not in managing] == []
    assert any(each.key == PUBLIC for each in ENDPOINTS)
