"""The criteria that a call uses: those whose parameters differ from the defaults, and what they ask together."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import compress
from operator import is_not
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.search.criteria.criterion import Context, Criterion, Joint, Modifier, Nested, References
from fanfare.search.criteria.plans import AllOf, Plan
from fanfare.search.criteria.where import Condition


class Declaration(NamedTuple):
    """A criterion with the names of its parameters. `modifiers` are those that only modify the others."""

    criterion: Criterion[Any]
    parameters: list[str]
    modifiers: list[str]


def _marks(struct: type[Params]) -> Iterator[tuple[str, object]]:
    for name, hint in get_type_hints(struct, include_extras=True).items():
        if get_origin(hint) is Annotated:
            yield from ((name, mark) for mark in get_args(hint)[1:])


@cache
def declarations(struct: type[Params]) -> list[Declaration]:
    """Return the criteria that a struct of parameters declares, in the order of its fields."""
    result: dict[Criterion[Any], Declaration] = {}
    for name, mark in _marks(struct):
        if isinstance(mark, Criterion | Modifier):
            criterion = mark if isinstance(mark, Criterion) else mark.criterion
            each = result.setdefault(criterion, Declaration(criterion, [], []))
            each.parameters.append(name)
            if isinstance(mark, Modifier):
                each.modifiers.append(name)
    return list(result.values())


@cache
def _fields(struct: type[Params]) -> tuple[list[str], list[object], dict[str, int]]:
    """Return the names of fields, their defaults, and by name the place of its criterion among the declarations."""
    fields = msgspec.structs.fields(struct)
    places = {name: place for place, each in enumerate(declarations(struct)) for name in each.parameters}
    return [each.name for each in fields], [each.default for each in fields], places


@cache
def reference_forms(struct: type[Params]) -> Mapping[str, Mapping[str, str]]:
    """Return by kind of record the parameters that may name one, each with the format of the key in its value."""
    result: dict[str, dict[str, str]] = {}
    for name, mark in _marks(struct):
        if isinstance(mark, References):
            for kind, form in mark.forms.items():
                result.setdefault(kind, {})[name] = form
    return result


def json_path(name: str) -> str:
    """Return the path to a parameter in stored criteria, also in groups, for PostgreSQL."""
    return f'strict $.**."{name}"'


def excluding_paths(struct: type[Params]) -> list[str]:
    """Return the paths, in stored criteria, to the segments whose fans are excluded."""
    names = [(name, each.criterion.excludes) for each in declarations(struct) if each.criterion.segments
             for name in each.parameters]  # fmt: skip
    return [json_path(name) if is_out else f'strict $.**."none".**."{name}"' for name, is_out in names]


def person_parameters(struct: type[Params]) -> list[str]:
    """Return the parameters whose value may be a person's name."""
    return [name for each in declarations(struct) if each.criterion.is_person for name in each.parameters]


def people_named(criteria: Params) -> list[str]:
    """Return the criteria, also in groups, whose value may be a person's name."""
    return [use.name for use in leaf_uses(criteria) if use.criterion.is_person]


class Use(msgspec.Struct, frozen=True):
    """A criterion that a call uses, with its name, the names of the parameters that were set, and its value.

    In a group, `path` is where it is, such as `groups[0].any[1].`, with which its name begins; `is_negated`: the fans
    who meet it are excluded.
    """

    name: str
    parameters: list[str]
    criterion: Criterion[Any]
    value: Any
    path: str = ""
    is_negated: bool = False

    @property
    def excludes(self) -> bool:
        """Return whether the fans in the segments that it names are excluded."""
        return self.is_negated or self.criterion.excludes

    def conditions(self, context: Context) -> list[Condition]:
        """Return the conditions on the fan."""
        result = self.criterion.condition(self.value, context)
        return [result] if isinstance(result, Condition) else [*result]

    def plan(self, context: Context) -> Plan | None:
        """Return the plan for the index, or None for a criterion that the index cannot evaluate."""
        return self.criterion.plan(self.value, context) if self.criterion.plan else None

    def value_sql(self, context: Context) -> Condition:
        """Return the SQL that reads the fan's value that the criterion checks."""
        shows = self.criterion.shows
        return Condition(shows) if isinstance(shows, str) else shows(self.value, context)

    def segments(self) -> list[str]:
        """Return the segments that the value names (filter:uid, snapshot:uid, tag:id), without duplicates."""
        return list(dict.fromkeys(self.criterion.segments(self.value))) if self.criterion.segments else []

    def missing(self, context: Context, *, is_excluded: bool) -> Iterable[tuple[str, str]]:
        """Return the parameters that name what does not exist and so would exclude nobody, with error messages."""
        criterion = self.criterion
        if not isinstance(criterion, Joint) or criterion.missing is None:
            return ()
        faults = criterion.missing(self.value, context, is_excluded or self.is_negated)
        return ((f"{self.path}{name}", message) for name, message in faults)


def uses(criteria: Params) -> Iterator[Use]:
    """Yield the criteria that differ from their defaults. A modifier alone does not count."""
    # Of fifty parameters a call sends three: those are found first, since this is asked several times a call.
    names, defaults, places = _fields(type(criteria))
    values = msgspec.structs.astuple(criteria)
    differing = compress(zip(names, values, defaults, strict=True), map(is_not, values, defaults))
    names_in_use = {name for name, value, default in differing if value != default}
    for place in sorted({places[name] for name in names_in_use & places.keys()}):
        criterion, parameters, modifiers = declarations(type(criteria))[place]
        chosen_names = [name for name in parameters if name in names_in_use]
        if any(name not in modifiers for name in chosen_names):
            if isinstance(criterion, Joint):
                yield Use(criterion.label or parameters[0], chosen_names, criterion, criteria)
            else:
                yield Use(parameters[0], chosen_names, criterion, getattr(criteria, parameters[0]))


def leaf_uses(criteria: Params) -> Iterator[Use]:
    """Yield the criteria that are used, those in groups instead of the groups."""
    for use in uses(criteria):
        if not isinstance(use.criterion, Nested):
            yield use
            continue
        for path, part, is_negated in use.criterion.parts(use.value):
            for each in uses(part):
                yield Use(f"{path}.{each.name}", each.parameters, each.criterion, each.value, f"{path}.", is_negated)


def conditions_of(criteria: Params, context: Context, newest_fan_id: int | None = None) -> Iterator[Condition]:
    """Yield the conditions of criteria on the fan; with `newest_fan_id` also that the fan has no larger id."""
    if newest_fan_id is not None:
        yield Condition("f.fan_id <= {}", (newest_fan_id,))
    for use in uses(criteria):
        yield from use.conditions(context)


def plan_of(criteria: Params, context: Context) -> Plan | None:
    """Return the plan of criteria for the index, or None when the index cannot evaluate one of them."""
    parts = [use.plan(context) for use in uses(criteria)]
    plans = [part for part in parts if part is not None]
    return AllOf(plans) if len(plans) == len(parts) else None


def segments_by_criterion(criteria: Params) -> dict[str, list[str]]:
    """Return by criterion the segments that it names (filter:uid, snapshot:uid, tag:id), without duplicates."""
    return {use.name: segments for use in leaf_uses(criteria) if (segments := use.segments())}


def segment_references(searches: Iterable[Params]) -> Iterator[str]:
    """Yield the segments that sets of criteria name, once for each criterion that names one."""
    return (segment for each in searches for use in leaf_uses(each) for segment in use.segments())


def filter_uids(searches: Iterable[Params]) -> Iterator[str]:
    """Yield the uids of the filters that sets of criteria name, once for each criterion that names one."""
    return (each.removeprefix("filter:") for each in segment_references(searches) if each.startswith("filter:"))


def facts_read(criteria: Params, filters: Mapping[str, Params]) -> frozenset[str]:
    """Return the facts of a fan that criteria read, with those of the filters (by uid) that they refer to."""
    result: set[str] = set()
    pending, visited = [criteria], set[str]()
    while pending:
        each = pending.pop()
        result.update(*(use.criterion.reads for use in leaf_uses(each)))
        nested = filters.keys() & set(filter_uids([each])) - visited
        visited |= nested
        pending += [filters[uid] for uid in nested]
    return frozenset(result)
