r"""S11: a text is searched for as it is: `%`, `_`, `\` and regular expressions find what another unknown text finds.

Each parameter of each call that reads is tried. A pattern would match the records that the account has.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import Endpoint
from tests import calls
from tests.api import Api, new_api
from tests.rules.twins import answer_of, large_ids

READS = [each for each in calls.ENDPOINTS if each.method == "GET" and each.params]
# Each matches any text in the language that it belongs to: like, similar to, regular expressions, text search.
PATTERNS = ("%_%", ".*.", "a:*")
# A text of the same length that no record has.
UNKNOWN = "жжж"
# A backtracking matcher would take longer for this than a statement may.
ENDLESS = "(a*)*" * 40 + "%a" * 80
# A name may have letters alone, so signs and letters differ by the form.
NAMES = {("crm_display_name_check", "display_name")}


@pytest.fixture(scope="module")
async def account(base_url: str, db: Db) -> AsyncIterator[tuple[Api, calls.Values]]:
    await large_ids(db)
    async with new_api(base_url, db) as api:
        yield api, await calls.made_values(api)


async def ask(account: tuple[Api, calls.Values], endpoint: Endpoint, name: str, text: str) -> tuple[int, str]:
    """Call with a text for one parameter; return the status, and the answer without the text."""
    api, values = account
    fields: dict[str, Any] = {**calls.right(endpoint, values), name: text}
    answer = await calls.send(api, endpoint, fields)
    return answer.status_code, answer_of(answer.text.replace(text, "?"))


@pytest.mark.parametrize("endpoint", READS, ids=lambda each: each.call_id)
async def test_a_pattern_is_a_text_as_any_other(endpoint: Endpoint, account: tuple[Api, calls.Values]) -> None:
    names = set(calls.parameters(endpoint)) - calls.in_path(endpoint)
    for name in sorted(name for name in names if (endpoint.call_id, name) not in NAMES):
        expected = await ask(account, endpoint, name, UNKNOWN)
        for pattern in PATTERNS:
            assert await ask(account, endpoint, name, pattern) == expected, (name, pattern)
        assert (await ask(account, endpoint, name, ENDLESS))[0] < 500, name


async def test_there_is_something_to_match(account: tuple[Api, calls.Values]) -> None:
    api, _ = account
    assert await api.ok(await api.get("/api/v1/idols", idol_name="orthsid"))
    assert (await api.ok(await api.get("/api/v1/crm/fans", name="ad")))["data"]
