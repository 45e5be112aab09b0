"""Criteria in use: those that were given, and what they ask, read and name altogether."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.search.criteria.criterion import Context, Criterion, Joint, Manner, References
from fanfare.search.criteria.plans import AllOf, Plan
from fanfare.search.criteria.where import Condition


class Declared(NamedTuple):
    """A criterion with its parameters, and those of them that only say how the others are meant."""

    criterion: Criterion[Any]
    names: list[str]
    manners: list[str]


def _marks(struct: type[Params]) -> Iterator[tuple[str, object]]:
    for name, hint in get_type_hints(struct, include_extras=True).items():
        if get_origin(hint) is Annotated:
            yield from ((name, mark) for mark in get_args(hint)[1:])


@cache
def declared(struct: type[Params]) -> list[Declared]:
    """Return the criteria of a struct of parameters, in the order of its fields."""
    found: dict[Criterion[Any], Declared] = {}
    for name, mark in _marks(struct):
        if isinstance(mark, Criterion | Manner):
            criterion = mark if isinstance(mark, Criterion) else mark.of
            each = found.setdefault(criterion, Declared(criterion, [], []))
            each.names.append(name)
            if isinstance(mark, Manner):
                each.manners.append(name)
    return list(found.values())


@cache
def _defaults(struct: type[Params]) -> dict[str, object]:
    return {field.name: field.default for field in msgspec.structs.fields(struct)}


@cache
def names_of(struct: type[Params]) -> Mapping[str, Mapping[str, str]]:
    """Return for each kind of record the parameters that may name one, with the form in which its key stands there."""
    found: dict[str, dict[str, str]] = {}
    for name, mark in _marks(struct):
        if isinstance(mark, References):
            for kind, form in mark.forms.items():
                found.setdefault(kind, {})[name] = form
    return found


def excluding(struct: type[Params]) -> list[str]:
    """Return the parameters whose criteria leave out whom the segments hold that they name."""
    return [name for each in declared(struct) if each.criterion.excludes for name in each.names]


def persons(struct: type[Params]) -> list[str]:
    """Return the parameters that may hold a person's name."""
    return [name for each in declared(struct) if each.criterion.is_person for name in each.names]


class Use(msgspec.Struct, frozen=True):
    """A criterion that was given: its name, the parameters that were, and its value."""

    name: str
    names: list[str]
    criterion: Criterion[Any]
    value: Any

    def conditions(self, context: Context) -> list[Condition]:
        """Return what must hold of a fan."""
        asked = self.criterion.condition(self.value, context)
        return [asked] if isinstance(asked, Condition) else [*asked]

    def plan(self, context: Context) -> Plan | None:
        """Return what is asked of the index, or None when the tables must be asked."""
        return self.criterion.plan(self.value, context) if self.criterion.plan else None

    def shown(self, context: Context) -> Condition:
        """Return what reads the value that the criterion looks at."""
        shows = self.criterion.shows
        return Condition(shows) if isinstance(shows, str) else shows(self.value, context)

    def segments(self) -> list[str]:
        """Return the segments that are named, as filter:uid, snapshot:uid or tag:id, each of them once."""
        return list(dict.fromkeys(self.criterion.segments(self.value))) if self.criterion.segments else []

    def missing(self, context: Context, *, is_excluded: bool) -> Iterable[tuple[str, str]]:
        """Return the parameters that name what is not there and would so keep fans out, each with what to say."""
        criterion = self.criterion
        if not isinstance(criterion, Joint) or criterion.missing is None:
            return ()
        return criterion.missing(self.value, context, is_excluded)


def uses(criteria: Params) -> Iterator[Use]:
    """Yield the criteria that were given; what only says how others are meant is nothing without them."""
    struct = type(criteria)
    defaults = _defaults(struct)
    for criterion, names, manners in declared(struct):
        sent_names = [name for name in names if getattr(criteria, name) != defaults[name]]
        if any(name not in manners for name in sent_names):
            if isinstance(criterion, Joint):
                yield Use(criterion.label or names[0], sent_names, criterion, criteria)
            else:
                yield Use(names[0], sent_names, criterion, getattr(criteria, names[0]))


def conditions(criteria: Params, context: Context, newest: int | None = None) -> Iterator[Condition]:
    """Yield what the criteria ask of a fan that were given, and that no fan is newer than the one named."""
    if newest is not None:
        yield Condition("f.fan_id <= {}", (newest,))
    for use in uses(criteria):
        yield from use.conditions(context)


def plan(criteria: Params, context: Context) -> Plan | None:
    """Return what criteria ask of the index, or None when the tables must be asked."""
    parts = [use.plan(context) for use in uses(criteria)]
    plans = [part for part in parts if part is not None]
    return AllOf(plans) if len(plans) == len(parts) else None


def mentions(criteria: Params) -> dict[str, list[str]]:
    """Return the segments that each criterion names, as filter:uid, snapshot:uid or tag:id, each of them once."""
    return {use.name: segments for use in uses(criteria) if (segments := use.segments())}


def referred(criteria: Iterable[Params]) -> Iterator[str]:
    """Yield the segments that criteria name, once for each criterion that does."""
    for each in criteria:
        for named in mentions(each).values():
            yield from named


def filter_uids(criteria: Iterable[Params]) -> Iterator[str]:
    """Yield the uids of the filters that criteria name, once for each criterion that does."""
    return (each.removeprefix("filter:") for each in referred(criteria) if each.startswith("filter:"))


def reads(criteria: Params, among: Mapping[str, Params]) -> frozenset[str]:
    """Return what criteria read of a fan, with what the filters read that they refer to, by their uid."""
    found: set[str] = set()
    left, seen = [criteria], set[str]()
    while left:
        each = left.pop()
        found.update(*(use.criterion.reads for use in uses(each)))
        below = among.keys() & set(filter_uids([each])) - seen
        seen |= below
        left += [among[uid] for uid in below]
    return frozenset(found)
