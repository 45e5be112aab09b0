"""Redirects the ids of merged fans in the parameters of a call to the fans they were merged into.

A call that finds its fan needs no lookup. When one fails, it is repeated with the current ids if an id in it was
merged. Only calls that do not fail for an unknown fan, since they filter by one or take a list, look the ids up first.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import asyncpg
import msgspec

from fanfare.fans.queries.merges import successors
from fanfare.kernel.data.db import WRITE_ATTEMPTS, Db
from fanfare.kernel.errors import BadParameters, Conflict, Unavailable, Unknown
from fanfare.kernel.parameters import Params

T = TypeVar("T")
P = TypeVar("P", bound=Params)

# Parameters that are fan ids; not merged_fan_id, which is the old id itself.
FANS = re.compile(r"(?!merged_)(?:[a-z_]+_)?fan_ids?")
# Errors of a call with the id of a merged fan: not found, also by a foreign key if the merge is concurrent; and a
# conflict with existing data, which seems to be another fan's when it is sent again with the old id.
NOT_FOUND = (Unknown, BadParameters, Conflict, asyncpg.ForeignKeyViolationError)
CONFLICTS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.ForeignKeyViolationError)


@cache
def fan_fields(struct: type[Params]) -> tuple[str, ...]:
    """Return the fields of a parameter struct that are fan ids."""
    return tuple(name for name in struct.__struct_fields__ if FANS.fullmatch(name))


@cache
def needs_lookup(struct: type[Params]) -> bool:
    """Return whether a call with these parameters can succeed with an unknown fan: as a filter, or in a list."""
    hints = get_type_hints(struct)
    return any(name.endswith("s") or type(None) in get_args(hints[name]) for name in fan_fields(struct))


async def with_current_ids(db: Db, account_id: int, params: P) -> P:
    """Return the parameters with the current ids of fans; the same object if no fan was merged."""
    values = {name: value for name in fan_fields(type(params)) if (value := getattr(params, name))}
    ids = [each for value in values.values() for each in _ids(value)]
    current_ids = await successors(db, account_id, ids) if ids else {}
    if not current_ids:
        return params
    new_values: dict[str, Any] = {
        name: [current_ids.get(each, each) for each in value]
        if isinstance(value, list)
        else current_ids.get(value, value)
        for name, value in values.items()
    }
    return msgspec.structs.replace(params, **new_values)


def _ids(value: object) -> Iterable[int]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, int))
    elif isinstance(value, int):
        yield value


async def follow_merges(
    act: Callable[[Db, Params], Awaitable[T]], db: Db, account_id: int, params: Params, *, is_write: bool
) -> T:
    """Run a call with the current ids of its fans; retry it after a conflict with a concurrent merge."""
    if not is_write and not fan_fields(type(params)):
        return await act(db, params)
    if needs_lookup(type(params)):
        params = await with_current_ids(db, account_id, params)
    for attempt in range(WRITE_ATTEMPTS):
        try:
            return await _attempt(act, db, params)
        except (*NOT_FOUND, *CONFLICTS) as error:
            current = await with_current_ids(db, account_id, params)
            if attempt == WRITE_ATTEMPTS - 1 or (current is params and not isinstance(error, CONFLICTS)):
                raise
            params = current
    raise Unavailable


async def _attempt(act: Callable[[Db, Params], Awaitable[T]], db: Db, params: Params) -> T:
    """Run `act`, in a savepoint if there is a transaction, so that it stays usable when the attempt fails."""
    if not db.in_transaction:
        return await act(db, params)
    async with db.transaction() as tx:
        return await act(tx, params)
