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

# Short, since all of them together go into the query of a call that deletes.
VALUES: dict[str, Any] = {"text": "odd", "number": 877, "flag": True}
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


async def run_with(base_url: str, db: Db, value: Any) -> Run:
    """Make every call that writes in an account of its own, with a value beside its fields or with nothing."""
    among = await names(db)
    async with new_api(base_url, db) as api:
        values = await calls.made_values(api)
        answered = {}
        for endpoint in WRITES:
            fields = calls.right(endpoint, values)
            # Where the body is a file, parameters are in the query, where so many have no room.
            is_plain = value is None or endpoint.takes_file
            extra = {} if is_plain else dict.fromkeys(in_room(endpoint, undocumented(endpoint, among)), value)
            answer = await calls.send(api, endpoint, {**extra, **fields})
            # What a call ignored may be named in its answer.
            text = IGNORED.sub("", answer.text)
            answered[endpoint.call_id] = (answer.status_code, answer_of(text))
        return Run(answered, await state(db, api.account_id))


@pytest.fixture(scope="module")
async def expected(base_url: str, db: Db) -> Run:
    """What is answered and left when nothing is sent beside what is documented."""
    await large_ids(db)
    return await run_with(base_url, db, None)


def test_every_call_succeeds(expected: Run) -> None:
    assert {call_id: answer for call_id, answer in expected.answered.items() if answer[0] != 200} == {}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
async def test_the_answers_and_the_rows_are_the_same(value: Any, base_url: str, db: Db, expected: Run) -> None:
    got = await run_with(base_url, db, value)
    for endpoint in WRITES:
        assert got.answered[endpoint.call_id] == expected.answered[endpoint.call_id], endpoint.call_id
    assert got.remaining == expected.remaining


async def test_there_is_much_to_send(db: Db) -> None:
    result = await names(db)
    assert {"account_id", "fan_id", "rating", "is_confirmed", "position", "password_hash"} <= result
