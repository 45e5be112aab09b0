"""S3: only documented fields change: whatever else is sent with a call, it answers the same and leaves the same rows.

Sent are the names of every column of the database and of every field of every answer, as text, as number and as true.
"""

import hashlib
import re
from typing import Any, NamedTuple

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.parameters import MAX_FIELDS, slots
from fanfare.kernel.web.endpoint import Endpoint
from tests import calls
from tests.api import new_api
from tests.rules.twins import answer_of, large_ids, state, tables

# By the name of the run; the first sends nothing beside what is documented.
# Short, since all of them together go into the query of a call that deletes.
VALUES: dict[str, Any] = {"nothing": None, "text": "odd", "number": 877, "flag": True}
# Room for the fields that a call has.
FIELDS_OF_CALL = 100
IGNORED = re.compile(r',"ignored_parameters":\[[^]]*\]')
WRITES = [each for each in calls.in_order() if each.is_write]


class Run(NamedTuple):
    """What each call answered, and the rows that were there in the end."""

    answered: dict[str, tuple[int, str]]
    remaining: dict[str, list[str]]


async def names(db: Db) -> set[str]:
    """Return the names of every column and of every field of an answer."""
    columns = await db.rows(
        "select distinct column_name from information_schema.columns where table_name = any($1::text[])",
        [*await tables(db), "api_keys", "api_secrets"],
    )
    schemas = calls.DOCUMENT["components"]["schemas"].values()
    fields = {name for schema in schemas for name in schema.get("properties", {})}
    return {row["column_name"] for row in columns} | fields


def undocumented(endpoint: Endpoint, among: set[str]) -> set[str]:
    """Return the names that mean nothing to a call."""
    documented = {"api_key", "api_secret", *calls.in_path(endpoint)}
    prefixes = []
    for slot in slots(endpoint.params) if endpoint.params else ():
        documented.update(slot.wire_names)
        prefixes += [slot.prefix] if slot.prefix else []
    return {name for name in among - documented if not any(name.startswith(prefix) for prefix in prefixes)}


def in_room(endpoint: Endpoint, names: set[str]) -> list[str]:
    """Return as many names as a request may have beside its fields, other ones for each call if there are more."""
    shuffled = sorted(names, key=lambda name: hashlib.sha256(f"{endpoint.call_id} {name}".encode()).digest())
    return shuffled[: MAX_FIELDS - FIELDS_OF_CALL]


@pytest.fixture(scope="module")
async def runs(base_url: str, db: Db) -> dict[str, Run]:
    await large_ids(db)
    among = await names(db)
    result = {}
    for run, value in VALUES.items():
        async with new_api(base_url, db) as api:
            values = await calls.made_values(api)
            answered = {}
            for endpoint in WRITES:
                fields = calls.right(endpoint, values)
                # Where the body is a file, parameters are in the query, where so many have no room.
                is_plain = run == "nothing" or endpoint.takes_file
                extra = {} if is_plain else dict.fromkeys(in_room(endpoint, undocumented(endpoint, among)), value)
                answer = await calls.send(api, endpoint, {**extra, **fields})
                # What a call ignored may be named in its answer.
                text = IGNORED.sub("", answer.text)
                answered[endpoint.call_id] = (answer.status_code, answer_of(text))
            result[run] = Run(answered, await state(db, api.account_id))
    return result


@pytest.mark.parametrize("endpoint", WRITES, ids=lambda each: each.call_id)
def test_the_answer_is_the_same(endpoint: Endpoint, runs: dict[str, Run]) -> None:
    expected = runs["nothing"].answered[endpoint.call_id]
    assert expected[0] == 200, expected
    for run in VALUES:
        assert runs[run].answered[endpoint.call_id] == expected, run


@pytest.mark.parametrize("run", VALUES)
def test_the_rows_are_the_same(run: str, runs: dict[str, Run]) -> None:
    assert runs[run].remaining == runs["nothing"].remaining


async def test_there_is_much_to_send(db: Db) -> None:
    result = await names(db)
    assert {"account_id", "fan_id", "rating", "is_confirmed", "position", "password_hash"} <= result
