"""S1: another account's ids mean nothing: the same answer, to the byte, as for an id that nobody has.

Every parameter that bears an id, of every call.
"""

import re
import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import Endpoint
from tests import calls
from tests.api import Api, new_api
from tests.rules import twins
from tests.rules.twins import FIRST, STEP

REQUEST_ID = re.compile(r'"request_id":"[^"]*"')

CASES = [(endpoint, name) for endpoint in calls.ENDPOINTS for name in calls.ids(endpoint)]
CASES += [
    (endpoint, f"{outer}/{inner}")
    for outer, inner in calls.WITHIN
    for endpoint in calls.ENDPOINTS
    if outer in calls.parameters(endpoint)
]


# What is known by a name that the caller chose is often made by the call itself: two callers alike each try one name.
CHOSEN = {*calls.CHOSEN, "crm_field_key", "purchase_key"}
OWNER = re.compile("theirs|nobody")


class Caller(NamedTuple):
    """An account with one real value of each kind."""

    api: Api
    values: calls.Values


class Worlds(NamedTuple):
    """The account that calls, one just like it, and the other, whose values are tried."""

    caller: Caller
    twin: Caller
    second: Caller


@pytest.fixture(scope="module")
async def worlds(db: Db, base_url: str) -> AsyncIterator[Worlds]:
    await twins.large_ids(db)
    async with new_api(base_url, db) as one, new_api(base_url, db) as two, new_api(base_url, db) as second:
        # The other comes first, so that what is nobody's lies before the callers' rows just as what is the other's.
        theirs = Caller(second, await calls.made_values(second, "theirs"))
        yield Worlds(Caller(one, await calls.made_values(one)), Caller(two, await calls.made_values(two)), theirs)


def pair(name: str, theirs: calls.Values) -> tuple[Any, Any]:
    """Return another account's value for a parameter and one that nobody has, alike in form."""
    kind = calls.SAME_AS.get(name, name)
    if name in calls.NOT_YET or name in ("venue_uid", "media_uid"):
        return str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
    value = theirs.get(kind, f"theirs-{name}")
    if isinstance(value, int):
        nobodys: Any = value + STEP // 2 * (-1 if name.startswith(("min_", "max_", "next_")) else 1)
    elif kind == "min_time_key":
        nobodys = re.sub(r"_\d+$", f"_{FIRST + STEP // 2}", value)
    elif kind in CHOSEN:
        nobodys = value.replace(value[:6], "nobody")
    else:
        nobodys = str(uuid.uuid4())
    return value, nobodys


async def ask(caller: Caller, endpoint: Endpoint, name: str, value: Any) -> tuple[int, str]:
    """Call with one value changed; return the status and the answer without what names the call and the value."""
    values = calls.right(endpoint, caller.values)
    outer, _, inner = name.partition("/")
    if inner:
        values[outer] = calls.WITHIN[outer, inner](value)
    elif name == "business_":
        values[f"business_{value}"] = True
    else:
        values[name] = value if name in calls.in_path(endpoint) else calls.placed(name, value)
    answer = await calls.send(caller.api, endpoint, values)
    return answer.status_code, REQUEST_ID.sub("", answer.text).replace(str(value), "?")


@pytest.mark.parametrize(("endpoint", "name"), CASES, ids=lambda each: getattr(each, "call_id", each))
async def test_anothers_id_is_as_unknown_as_nobodys(endpoint: Endpoint, name: str, worlds: Worlds, db: Db) -> None:
    inner = name.rpartition("/")[2]
    theirs, nobodys = pair(inner, worlds.second.values)
    old = await twins.digests(db, worlds.second.api.account_id)
    if CHOSEN & {inner, calls.SAME_AS.get(inner)}:
        expected, got = (
            await ask(worlds.twin, endpoint, name, nobodys),
            await ask(worlds.caller, endpoint, name, theirs),
        )
        is_anew = True
    else:
        # The first call may change what those after it are told.
        await ask(worlds.caller, endpoint, name, nobodys)
        expected = await ask(worlds.caller, endpoint, name, nobodys)
        got = await ask(worlds.caller, endpoint, name, theirs)
        # A search that starts gets its own uid.
        is_anew = got[0] < 400 and (endpoint.is_write or '"search_uid"' in got[1])
    if is_anew:
        (expected, got) = ((status, twins.answer_of(OWNER.sub("?", text))) for status, text in (expected, got))
    assert got == expected
    assert got[0] < 500
    assert await twins.digests(db, worlds.second.api.account_id) == old


def test_every_kind_of_id_has_its_value(worlds: Worlds) -> None:
    named = {name for endpoint in calls.ENDPOINTS for name in calls.ids(endpoint)}
    faults = [fault for endpoint in calls.ENDPOINTS for fault in calls.unknown_ids(endpoint, worlds.caller.values)]
    assert faults == []
    strays = sorted((set(calls.SAME_AS) | calls.CHOSEN | calls.NOT_YET) - named)
    assert [f"no call takes {name}: remove it from tests/calls.py" for name in strays] == []


def test_a_missing_value_says_where_it_belongs() -> None:
    one = next(endpoint for endpoint in calls.ENDPOINTS if "page_tab_id" in calls.in_path(endpoint))
    words = f"no value for page_tab_id of {one.call_id}: add how one is made to made_values in tests/calls.py"
    assert any(fault.startswith(words) for fault in calls.unknown_ids(one, {}))
    with pytest.raises(calls.NoValueError, match=re.escape(words)):
        calls.right(one, {})


async def test_what_nobody_can_have_yet_has_no_table(db: Db) -> None:
    keys = await db.rows(
        "select distinct a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and"
        " a.attnum = any(i.indkey) where i.indisprimary"
    )
    created = {row["attname"] for row in keys}
    assert {
        name for name in calls.NOT_YET if name in created or name.replace("fan_incl_", "").rstrip("s") in created
    } == set()
