"""Ids that lead elsewhere by now: a call that names a fan who became another is about that other.

Nothing is looked up for a call that finds its fan. One that is refused is looked into, and made once more when an id in
it has a successor; only calls that would not notice, since they filter by a fan or take a list, are looked into before.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import asyncpg
import msgspec

from fanfare.kernel.data.db import RACES, Db
from fanfare.kernel.errors import BadParameters, Conflict, Unavailable, Unknown
from fanfare.kernel.parameters import Params

T = TypeVar("T")
P = TypeVar("P", bound=Params)

# Returns, for those of some ids that became another, which one.
Successors = Callable[[Db, int, list[int]], Awaitable[dict[int, int]]]

# Parameters that name fans, and the one that is about the old id itself.
FANS = re.compile(r"(?!merged_)(?:[a-z_]+_)?fan_ids?")
# What a call says when a fan is not there, as a refusal or through a foreign key when it went away meanwhile; and when
# what stands there already seems to be another's: what was sent again by an old id is the present fan's.
MISSES = (Unknown, BadParameters, Conflict, asyncpg.ForeignKeyViolationError)
RACED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.ForeignKeyViolationError)


async def nobody(_: Db, __: int, ___: list[int]) -> dict[int, int]:
    """Know of no successors."""
    return {}


@cache
def named(struct: type[Params]) -> tuple[str, ...]:
    """Return the fields of a parameter struct that name fans."""
    return tuple(name for name in struct.__struct_fields__ if FANS.fullmatch(name))


@cache
def is_unnoticed(struct: type[Params]) -> bool:
    """Say whether a call with these parameters may answer without having met its fan: a filter, a list."""
    hints = get_type_hints(struct)
    return any(name.endswith("s") or type(None) in get_args(hints[name]) for name in named(struct))


async def present(successors: Successors, db: Db, account_id: int, wanted: P) -> P:
    """Return the parameters with the present ids of fans; the very same when none has a successor."""
    given = {name: value for name in named(type(wanted)) if (value := getattr(wanted, name))}
    listed = [each for value in given.values() for each in _ids(value)]
    known = await successors(db, account_id, listed) if listed else {}
    if not known:
        return wanted
    changed: dict[str, Any] = {
        name: [known.get(each, each) for each in value] if isinstance(value, list) else known.get(value, value)
        for name, value in given.items()
    }
    return msgspec.structs.replace(wanted, **changed)


def _ids(value: object) -> Iterable[int]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, int))
    elif isinstance(value, int):
        yield value


async def acted(act: Callable[[Db, P], Awaitable[T]], successors: Successors, db: Db, account_id: int, wanted: P) -> T:
    """Do what a call asks for, of the fans that its ids lead to, again when it lost a race for them."""
    if is_unnoticed(type(wanted)):
        wanted = await present(successors, db, account_id, wanted)
    for turn in range(RACES):
        try:
            return await _tried(act, db, wanted)
        except (*MISSES, *RACED) as missed:
            after = await present(successors, db, account_id, wanted)
            if turn == RACES - 1 or (after is wanted and not isinstance(missed, RACED)):
                raise
            wanted = after
    raise Unavailable


async def _tried(act: Callable[[Db, P], Awaitable[T]], db: Db, wanted: P) -> T:
    """Leave a transaction around usable when the try fails."""
    if not db.in_transaction:
        return await act(db, wanted)
    async with db.transaction() as held:
        return await act(held, wanted)
