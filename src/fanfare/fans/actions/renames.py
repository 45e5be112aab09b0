"""Ids of fans who became others: a call that names one is about the fan that it leads to.

Nothing is looked up for a call that finds its fan. One that is refused is looked into, and made once more when an id in
it has a successor; only calls that would not notice, since they filter by a fan or take a list, are looked into before.
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

# Parameters that name fans, and the one that is about the old id itself.
FANS = re.compile(r"(?!merged_)(?:[a-z_]+_)?fan_ids?")
# What a call says when a fan is not there, as a refusal or through a foreign key when it went away meanwhile; and when
# what stands there already seems to be another's: what was sent again by an old id is the present fan's.
MISSES = (Unknown, BadParameters, Conflict, asyncpg.ForeignKeyViolationError)
RACED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.ForeignKeyViolationError)


@cache
def fan_fields(struct: type[Params]) -> tuple[str, ...]:
    """Return the fields of a parameter struct that name fans."""
    return tuple(name for name in struct.__struct_fields__ if FANS.fullmatch(name))


@cache
def is_unnoticed(struct: type[Params]) -> bool:
    """Say whether a call with these parameters may answer without having met its fan: a filter, a list."""
    hints = get_type_hints(struct)
    return any(name.endswith("s") or type(None) in get_args(hints[name]) for name in fan_fields(struct))


async def present(db: Db, account_id: int, params: P) -> P:
    """Return the parameters with the present ids of fans; the very same when none has a successor."""
    values = {name: value for name in fan_fields(type(params)) if (value := getattr(params, name))}
    ids = [each for value in values.values() for each in _ids(value)]
    heirs = await successors(db, account_id, ids) if ids else {}
    if not heirs:
        return params
    new_values: dict[str, Any] = {
        name: [heirs.get(each, each) for each in value] if isinstance(value, list) else heirs.get(value, value)
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
    """Do what a call asks for, of the fans that its ids lead to, again when it lost a race for them."""
    if not is_write and not fan_fields(type(params)):
        return await act(db, params)
    if is_unnoticed(type(params)):
        params = await present(db, account_id, params)
    for attempt in range(WRITE_ATTEMPTS):
        try:
            return await _attempt(act, db, params)
        except (*MISSES, *RACED) as missed:
            current = await present(db, account_id, params)
            if attempt == WRITE_ATTEMPTS - 1 or (current is params and not isinstance(missed, RACED)):
                raise
            params = current
    raise Unavailable


async def _attempt(act: Callable[[Db, Params], Awaitable[T]], db: Db, params: Params) -> T:
    """Leave a transaction around usable when the attempt fails."""
    if not db.in_transaction:
        return await act(db, params)
    async with db.transaction() as tx:
        return await act(tx, params)
