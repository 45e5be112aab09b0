"""I2: each call gives the same result wherever its parameters and keys stand: query, form, multipart, JSON, headers."""

import json
import re
from typing import Any, NamedTuple

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import Endpoint
from tests import calls
from tests.api import Api, new_api
from tests.rules.twins import answer_of, large_ids, state

PLACES = ("json", "query", "form", "multipart", "keys in the query", "keys in the body", "half and half")


# Random texts have ids in them now and then.
RANDOM_HEX = "7310000000abcdef0123456789abcdef"


class Results(NamedTuple):
    """What each call answered, and the rows that were there in the end."""

    answered: dict[str, tuple[int, str]]
    remaining: dict[str, list[str]]


def flat(value: Any) -> str:
    """Return a value as text, as a form has it."""
    return value if isinstance(value, str) else json.dumps(value)


def placed(place: str, values: calls.Values, keys: dict[str, str]) -> dict[str, Any]:
    """Return what the client is told so that the parameters and the keys travel in a place."""
    texts = {name: flat(value) for name, value in values.items()}
    as_parameters = {name.lower().replace("-", "_"): value for name, value in keys.items()}
    half = len(texts) // 2
    ways: dict[str, dict[str, Any]] = {
        "json": {"json": values, "headers": keys},
        "query": {"params": texts, "headers": keys},
        "form": {"data": texts, "headers": keys},
        "multipart": {"files": {name: (None, value) for name, value in texts.items()}, "headers": keys},
        "keys in the query": {"json": values, "params": as_parameters},
        "keys in the body": {"json": {**values, **as_parameters}},
        "half and half": {
            "params": dict(list(texts.items())[:half]),
            "data": dict(list(texts.items())[half:]),
            "headers": {name.upper(): value for name, value in keys.items()},
        },
    }
    return ways[place]


async def called(api: Api, endpoint: Endpoint, place: str, values: calls.Values) -> tuple[int, str]:
    fields = calls.right(endpoint, values)
    path = re.sub(r"\{(\w+)[^}]*\}", lambda match: str(fields.pop(match[1])), endpoint.path)
    # A file as the body leaves the query alone for parameters.
    place = "query" if endpoint.takes_file else place
    answer = await api.client.request(endpoint.method, path, **placed(place, fields, api.keys))
    return answer.status_code, answer_of(answer.text)


async def results(base_url: str, db: Db, place: str) -> Results:
    """Make every call in an account of its own, its parameters in a place."""
    async with new_api(base_url, db) as api:
        values = await calls.made_values(api)
        answered = {each.call_id: await called(api, each, place, values) for each in calls.in_order()}
        return Results(answered, await state(db, api.account_id))


@pytest.fixture(scope="module")
async def expected(base_url: str, db: Db) -> Results:
    """What JSON gives, to which every other place is compared; nobody else needs it, wherever the tests run."""
    await large_ids(db)
    return await results(base_url, db, PLACES[0])


def test_every_call_succeeds(expected: Results) -> None:
    assert {call_id: answer for call_id, answer in expected.answered.items() if answer[0] != 200} == {}


@pytest.mark.parametrize("place", PLACES[1:])
async def test_every_place_gives_the_same_answers_and_leaves_the_same(
    place: str, base_url: str, db: Db, expected: Results
) -> None:
    got = await results(base_url, db, place)
    for endpoint in calls.ENDPOINTS:
        assert got.answered[endpoint.call_id] == expected.answered[endpoint.call_id], endpoint.call_id
    assert got.remaining == expected.remaining


@pytest.mark.parametrize(
    "text",
    [
        "fanfare-domain=" + RANDOM_HEX,
        f'"confirmation_token": "{RANDOM_HEX}"',
        f'"record_key": "{RANDOM_HEX[:8]}-1234-1234-1234-123456789abc"',
        f'"digest": "{RANDOM_HEX * 2}"',
        f"link.{RANDOM_HEX[:22]}",
        f'{{"id":"{(RANDOM_HEX * 2)[:43]}"}}',
    ],
)
def test_random_texts_that_begin_with_an_id_are_random_texts(text: str) -> None:
    assert "abcdef" not in answer_of(text)
