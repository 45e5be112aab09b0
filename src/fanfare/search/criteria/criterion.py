"""What the declaration of a criterion consists of, and the context in which criteria are evaluated.

The search reads the condition, `why` the value to show, live membership the facts that are read, filters the records
that are named, and the audience index the plan.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Generic, NamedTuple, TypeVar

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
    """How the records that a value names are read from the database.

    `keys` returns the keys in a value, given the account's country; `find` the result for each key that has one.
    """

    keys: Callable[[V, str | None], Iterable[K]]
    find: Callable[[Db, int, Sequence[K]], Awaitable[dict[K, F]]]


class Context(msgspec.Struct, frozen=True):
    """What criteria are evaluated in: the account's time zone, country and current day, and the records they name.

    `filters` has by uid the criteria of the filters that are referred to, directly or through other filters;
    `unreadable` the uids of those whose stored criteria cannot be read; `segments` the existing tags and snapshots
    (tag:id, snapshot:uid); `lookups` the results of each lookup by key; `size` the length of the criteria in bytes;
    `business_ids` for people who are limited to businesses, whose fans alone are found; `reads_businesses_first` for
    how: all fans of the businesses are read first, or each fan is looked up.
    """

    zone: str
    country_code: str | None
    today: date
    filters: Mapping[str, Params] = {}
    unreadable: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    lookups: Mapping[Lookup[Any, Any, Any], Mapping[Any, Any]] = {}
    size: int = 0
    business_ids: tuple[int, ...] | None = None
    reads_businesses_first: bool = False

    def results(self, lookup: Lookup[V, K, F]) -> Mapping[K, F]:
        """Return the results of a lookup by key."""
        return self.lookups.get(lookup, {})

    def has_segment(self, segment: str) -> bool:
        """Return whether the account has a segment (filter:uid, snapshot:uid, tag:id) that the criteria name."""
        return segment in self.segments or segment.removeprefix("filter:") in self.filters

    def start_of(self, day: date) -> datetime:
        """Return the first moment of a day in the account's time zone."""
        return day_bounds(day, self.zone)[0]

    def end_of(self, day: date) -> datetime:
        """Return the first moment after a day in the account's time zone."""
        return day_bounds(day, self.zone)[1]


class Criterion(msgspec.Struct, Generic[V], frozen=True, eq=False, kw_only=True):
    """A criterion on a fan, as a function of its value.

    - `condition`: the SQL conditions on the fan `f`.
    - `reads`: the facts of the fan that the condition reads: columns of `fans`, or names in `facts`.
    - `shows`: the SQL of the fan's value that the condition checks, as JSON.
    - `plan`: the same question for the audience index. Without a plan, or where it is None, SQL answers.
    - `segments`: the segments that the value names (filter:uid, snapshot:uid, tag:id).
    - `excludes`: whether it excludes the fans in these segments.
    - `is_person`: whether the value may be a person's name.
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
    """A criterion of several parameters. Its value is the whole struct, its name `label` or its first parameter.

    `missing` yields the parameters that name what does not exist and would therefore exclude nobody, each with an error
    message. Its third argument says whether the fans who meet the criteria are excluded. `opening` begins the sentence
    of which each parameter has a part.
    """

    label: str = ""
    opening: str = ""
    missing: Callable[[V, Context, bool], Iterable[tuple[str, str]]] | None = None


class Part(NamedTuple):
    """A set of criteria inside a nested criterion: its path, such as `groups[0].any[1]`, and its criteria.

    `is_negated`: the fans who meet it are excluded.
    """

    path: str
    criteria: Params
    is_negated: bool


class Nested(Criterion[V], Generic[V], frozen=True, eq=False, kw_only=True):
    """A criterion that consists of other sets of criteria: what it reads, looks up and names are theirs."""

    parts: Callable[[V], Iterable[Part]]


class Modifier(msgspec.Struct, frozen=True):
    """Marks a parameter that modifies a joint criterion and has no meaning without its other parameters."""

    criterion: Joint[Any]


class References(msgspec.Struct, frozen=True):
    """Marks a parameter whose value names records: for each kind of record the format of its key in the value.

    `choices` has for a kind the SQL that lists records (`key`, `name`): those whose folded name is like `$2`, with
    one of the keys `$3` (null for any key), at most `$4`.
    """

    forms: Mapping[str, str]
    choices: Mapping[str, str] = {}


class Phrase(msgspec.Struct, frozen=True):
    """Marks a parameter with its part of a sentence about fans: "are at least {} years old".

    `{}` is the place of its value, `{name}` that of a parameter that modifies it. `words` has what values are called.
    """

    text: str
    words: Mapping[str, str] = {}
