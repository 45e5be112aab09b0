"""What a criterion is: declared once, beside its parameter, and read by whoever has to know something of it.

The search reads its condition, `why` what it shows, live membership what it reads, filters what it names, and the
audience index its plan.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Generic, TypeVar

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import day_bounds
from fanfare.search.criteria.plans import Plan
from fanfare.search.criteria.where import Condition

V = TypeVar("V")
K = TypeVar("K")
F = TypeVar("F")


class Lookup(msgspec.Struct, Generic[V, K, F], frozen=True, eq=False):
    """How the names in a value are looked up: its keys, which depend on the account's country, and what has them."""

    keys: Callable[[V, str | None], Iterable[K]]
    find: Callable[[Db, int, Sequence[K]], Awaitable[dict[K, F]]]


class Context(msgspec.Struct, frozen=True):
    """What criteria are read against: the account's zone and country, its today, and what they name.

    `filters` are the criteria of the filters that are referred to, also by one another, by their uid; `unreadable` the
    uids of those whose criteria cannot be read; `segments` the tags and snapshots, as tag:id and snapshot:uid;
    `names` what each lookup returned.
    """

    zone: str
    country_code: str | None
    today: date
    filters: Mapping[str, Params] = {}
    unreadable: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    names: Mapping[Lookup[Any, Any, Any], Mapping[Any, Any]] = {}

    def named(self, lookup: Lookup[V, K, F]) -> Mapping[K, F]:
        """Return what a lookup returned, by its keys."""
        return self.names.get(lookup, {})

    def has(self, segment: str) -> bool:
        """Tell whether the account has a segment that criteria name, as kind:id."""
        return segment in self.segments or segment.removeprefix("filter:") in self.filters

    def start_of(self, day: date) -> datetime:
        """Return the first moment of a day in the account's zone."""
        return day_bounds(day, self.zone)[0]

    def end_of(self, day: date) -> datetime:
        """Return the first moment after a day in the account's zone."""
        return day_bounds(day, self.zone)[1]


class Criterion(msgspec.Struct, Generic[V], frozen=True, eq=False, kw_only=True):
    """What one parameter asks of a fan.

    `condition` is what must hold of the fan `f`, `reads` what of the fan it depends on (a column, or one of
    `facts`), `shows` the SQL of the value that it looked at, `plan` what it asks of the audience index: without one, or
    where that is None, the tables are asked. `segments` are those that it names, as kind:id; `excludes` says that it
    leaves out whom they hold. `is_person` says that it may be somebody's name.
    """

    condition: Callable[[V, Context], Condition | Sequence[Condition]]
    reads: Collection[str]
    shows: str | Callable[[V, Context], Condition]
    plan: Callable[[V, Context], Plan | None] | None = None
    lookups: Sequence[Lookup[V, Any, Any]] = ()
    segments: Callable[[V], Sequence[str]] | None = None
    excludes: bool = False
    is_person: bool = False


class Joint(Criterion[V], Generic[V], frozen=True, eq=False, kw_only=True):
    """What several parameters ask together: its value is all criteria, its name `label` or that of the first.

    `missing` yields the parameters that name what is not there, each with what to say, where that would keep fans out
    who are meant: always where whom the criteria find is excluded (the third argument).
    """

    label: str = ""
    missing: Callable[[V, Context, bool], Iterable[tuple[str, str]]] | None = None


class Manner(msgspec.Struct, frozen=True):
    """The mark of a parameter that says how others of a joint criterion are meant, and asks nothing by itself."""

    of: Joint[Any]


class References(msgspec.Struct, frozen=True):
    """The mark of a parameter whose value names records: how each kind of them stands there, `{}` being its key."""

    forms: Mapping[str, str]
