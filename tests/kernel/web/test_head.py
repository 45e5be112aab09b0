"""HEAD answers as GET does, without a body, and writes nothing."""

import re
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import Endpoint
from tests.api import Api
from tests.calls import ENDPOINTS, Values, made_values, right
from tests.rules.twins import digests_of, tables

READS = [each for each in ENDPOINTS if each.method == "GET" and not each.has_secret_answer]
SHOWN_ONCE = [each for each in ENDPOINTS if each.method == "GET" and each.has_secret_answer]
# Calls are counted, whatever they are.
COUNTED = {"rate_windows"}


@pytest.fixture(scope="module")
async def values(api: Api) -> Values:
    return await made_values(api)


async def ask(api: Api, verb: str, endpoint: Endpoint, values: Values) -> Any:
    fields = right(endpoint, values)
    path = re.sub(r"\{(\w+)[^}]*\}", lambda match: str(fields.pop(match[1])), endpoint.path)
    return await api.client.request(verb, path, params=fields, headers=api.keys)


async def state(db: Db) -> dict[str, str]:
    """Return a digest of each table."""
    return await digests_of(db, sorted(set(await tables(db)) - COUNTED))


@pytest.mark.parametrize("endpoint", SHOWN_ONCE, ids=lambda each: each.call_id)
async def test_head_shows_nothing_that_is_shown_once(api: Api, db: Db, values: Values, endpoint: Endpoint) -> None:
    old = await state(db)
    assert (await ask(api, "HEAD", endpoint, values)).status_code == 405
    assert await state(db) == old
    assert (await ask(api, "GET", endpoint, values)).status_code == 200


@pytest.mark.parametrize("endpoint", READS, ids=lambda each: each.call_id)
async def test_head_answers_as_get_and_writes_nothing(api: Api, db: Db, values: Values, endpoint: Endpoint) -> None:
    # What an earlier GET kept, so that keeping it again would show.
    await db.execute("update filters set last_search_count = null where account_id = $1", api.account_id)
    old = await state(db)
    head = await ask(api, "HEAD", endpoint, values)
    assert await state(db) == old
    got = await ask(api, "GET", endpoint, values)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert got.status_code == 200, got.text
    assert head.headers["content-type"] == got.headers["content-type"]
    assert {name for name in head.headers if name.startswith("x-")} == {
        name for name in got.headers if name.startswith("x-")
    }
