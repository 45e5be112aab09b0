"""Tenants never see each other: another account's id, in any parameter of any call, is answered as an unknown one."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare import app
from fanfare.demo import create_demo
from fanfare.kernel.db import Db
from fanfare.kernel.endpoint import Endpoint
from tests.api import Api
from tests.fuzz.test_hostile import example
from tests.rules.schema import migration_texts, tables

OWNED = {name: table for name, table in tables(migration_texts()).items() if "account_id" in table.columns}
ID = re.compile(r"(?:^|_)(id|uid|key)s?$")
# Whose they are is decided by the account that is asked.
NO_IDS = frozenset({"account_id", "api_key", "idempotency_key", "purchase_key", "award_key", "order_key", "user_key"})
# The id under which a parameter's thing is stored, where its own name says it in other words.
STORED = {
    "winner_fan_id": "fan_id",
    "old_fan_id": "fan_id",
    "product_key": "product_key",
    "event_uid": "idol_event_uid",
}
MADE = frozenset({"request_id", "search_uid", "next_search_uid"})
UNKNOWN: dict[type, Any] = {int: 7_000_000_001, uuid.UUID: uuid.UUID(int=7), str: "nobody-has-this"}


def id_names(endpoint: Endpoint) -> list[str]:
    """Return the parameters of a call that name a stored thing."""
    fields = endpoint.params.__struct_fields__ if endpoint.params else ()
    names = dict.fromkeys([*fields, *re.findall(r"\{(\w+)", endpoint.path)])
    return [name for name in names if ID.search(name) and name not in NO_IDS]


@pytest.fixture(scope="module")
async def owner(db: Db, api: Api) -> Api:
    """Another account, which has a row in most tables."""
    account = await create_demo(db, 40, datetime.now(UTC))
    made = Api(api.client, account.account_id, account.api_key, account.api_secret)
    # Twice, since what is made first is named by what comes later.
    for _ in range(2):
        known = await ids_of(db, account.account_id)
        for endpoint in app.endpoints():
            if endpoint.method == "POST" and "{" not in endpoint.path and endpoint.path != "/api/v1/crm/fans":
                ids = {name: known[stored(name)] for name in id_names(endpoint) if stored(name) in known}
                path, params = given(endpoint, {name: many(name, value) for name, value in ids.items()})
                await made.client.post(path, json=params, headers=made.keys)
    await made.get("/api/v1/crm/fans", limit=5)
    return made


@pytest.fixture(scope="module")
async def foreign(db: Db, owner: Api) -> dict[str, Any]:
    """For each column that holds an id, one of the other account."""
    return await ids_of(db, owner.account_id)


async def ids_of(db: Db, account_id: int) -> dict[str, Any]:
    """Return an id of the account for each column of a primary key."""
    found: dict[str, Any] = {}
    # Where a thing lives comes before what refers to it.
    for name, table in sorted(OWNED.items(), key=lambda each: len(each[1].columns), reverse=True):
        row = await db.row(f"select * from {name} where account_id = $1 limit 1", account_id)
        for column in (each for key in table.keys if key.kind == "primary key" for each in key.columns if row):
            if row is not None and ID.search(column) and row[column]:
                found.setdefault(column, _plain(row[column]))
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | str) else uuid.UUID(str(value))


async def snapshot(db: Db, account_id: int) -> dict[str, tuple[int, int]]:
    """Return for each table how many rows an account has and the sum of what they hold."""
    found = {}
    for name in OWNED:
        row = await db.row(
            f"select count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) from {name} t where account_id = $1",
            account_id,
        )
        assert row is not None
        found[name] = (row[0], row[1])
    return {name: value for name, value in found.items() if name != "rate_windows"}


def given(endpoint: Endpoint, ids: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the path and the other parameters of a call with these ids put in their places."""
    params = {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in ids.items()}
    merged = {**example(endpoint), **params}
    path = re.sub(r"\{(\w+)[^}]*\}", lambda match: str(merged.pop(match[1], 1)), endpoint.path)
    return path, merged


def trials(endpoint: Endpoint, foreign: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield another account's ids beside unknown ones of the same type: each by itself, and all together."""
    known = {name: foreign[stored(name)] for name in id_names(endpoint) if stored(name) in foreign}
    for chosen in [*([name] for name in known), list(known)]:
        if chosen:
            unknown = {name: UNKNOWN[type(known[name])] for name in chosen}
            yield (
                {name: many(name, known[name]) for name in chosen},
                {name: many(name, unknown[name]) for name in chosen},
            )


def stored(name: str) -> str:
    """Return the column that holds what a parameter names."""
    return STORED.get(name, name.removesuffix("s"))


def many(name: str, value: Any) -> Any:
    """Return an id as its parameter takes it: by itself, or as the one of a list."""
    return [str(value)] if name.endswith("s") else value


async def outcome(api: Api, endpoint: Endpoint, ids: dict[str, Any]) -> tuple[int, Any]:
    """Call as the first account; return the status and what it was told, with the ids asked for blanked."""
    path, params = given(endpoint, ids)
    if endpoint.method == "POST":
        answer = await api.client.post(path, json=params, headers=api.keys)
    else:
        answer = await api.client.request(endpoint.method, path, params=params, headers=api.keys)
    if answer.status_code == 200 and endpoint.is_write:
        return 200, None
    return answer.status_code, blanked(answer.json(), {str(each).strip("[]'") for each in ids.values()})


def blanked(told: Any, ids: set[str]) -> Any:
    """Return an answer without the ids that were asked for, and without those made for the answer itself."""
    if isinstance(told, dict):
        return {name: blanked(value, ids) for name, value in told.items() if name not in MADE}
    if isinstance(told, list):
        return [blanked(value, ids) for value in told]
    return "the id" if str(told) in ids else told


@pytest.mark.parametrize(
    "endpoint", [each for each in app.endpoints() if id_names(each)], ids=lambda each: each.call_id
)
async def test_foreign_ids_are_unknown(endpoint: Endpoint, api: Api, db: Db, foreign: dict[str, Any]) -> None:
    before = await snapshot(db, foreign["account_id"])
    for theirs, unknown in trials(endpoint, foreign):
        assert await outcome(api, endpoint, theirs) == await outcome(api, endpoint, unknown), theirs
    assert await snapshot(db, foreign["account_id"]) == before


async def test_the_trial_has_something_to_try(db: Db, foreign: dict[str, Any]) -> None:
    tried = [each.call_id for each in app.endpoints() if list(trials(each, foreign))]
    assert len(tried) > len(app.endpoints()) / 2
    filled = await snapshot(db, foreign["account_id"])
    assert sum(1 for rows, _ in filled.values() if rows) > len(filled) / 2


async def test_sees_an_account_that_knows_the_id(owner: Api, foreign: dict[str, Any]) -> None:
    told = []
    for endpoint in app.endpoints():
        if not endpoint.is_write:
            for theirs, unknown in trials(endpoint, foreign):
                told.append(await outcome(owner, endpoint, theirs) != await outcome(owner, endpoint, unknown))
    assert sum(told) > len(told) / 2
