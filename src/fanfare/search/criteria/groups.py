"""Groups of criteria: all of, any of or none of their members, which are criteria or groups again.

docs/decisions/0077-groups-of-criteria.md
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, ClassVar

from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params, read, slots
from fanfare.kernel.wire import Form, InvalidParts, decode_json, size_fault
from fanfare.kernel.wire.lists import MAX_JSON_BYTES
from fanfare.search.criteria.criterion import Context, Nested, Part
from fanfare.search.criteria.plans import AllOf, AnyOf, Not, Plan
from fanfare.search.criteria.segments import SegmentCriteria
from fanfare.search.criteria.uses import conditions_of, declarations, plan_of, uses
from fanfare.search.criteria.where import Condition, joined

MAX_LEVELS = 3
# Criteria and groups together: each is a part of one SQL statement.
MAX_MEMBERS = 100
ALL_OF, ANY_OF, NONE_OF = "all", "any", "none"
RELATIONS = (ALL_OF, ANY_OF, NONE_OF)
MEMBER, GROUP = "CriteriaMember", "CriteriaGroup"
SHAPE = "must be an object with one of all, any and none, or with criteria"


class MembersForm(Form):
    """The members of a group, as a JSON array; their shape was checked before."""

    def read(self, raw: object) -> list["Member"]:
        """Return the members; raises `InvalidParts` with the path of everything that is wrong."""
        members, errors = [], []
        for place, item in enumerate(raw if isinstance(raw, list) else []):
            try:
                member = read(Member, {name: [value] for name, value in item.items()})
            except BadParameters as wrong:
                errors += [(f"[{place}].{name}", message) for name, message in wrong.errors]
                continue
            if not (dict(member.relations()) or [*uses(member)]):
                errors.append((f"[{place}]", "has no criterion"))
            members.append(member)
        if errors:
            raise InvalidParts(errors)
        return members

    def schema(self) -> dict[str, object]:
        """Describe the members by the component that describes one."""
        return {"type": "array", "items": {"$ref": f"#/components/schemas/{MEMBER}"}, "minItems": 1}


class GroupsForm(MembersForm):
    """The groups of a call: a JSON array, or its text."""

    example: ClassVar[list[object]] = [{"any": [{"fan_gender": "female"}, {"none": [{"fan_tags": ["VIP"]}]}]}]
    note = f"At most {MAX_LEVELS} levels and {MAX_MEMBERS} criteria and groups in all."

    def read(self, raw: object) -> Any:  # noqa: ANN401 - None for an empty list, which means no groups
        """Return the groups, or None for none; raises `InvalidParts` with the path of everything that is wrong."""
        message = "must be a JSON array of groups"
        if isinstance(raw, str):
            if len(raw) > MAX_JSON_BYTES:
                too_long = f"must be at most {MAX_JSON_BYTES} bytes as JSON"
                raise ValueError(too_long)
            raw = decode_json(raw, message)
        if not isinstance(raw, list):
            raise ValueError(message)  # noqa: TRY004 - what a Form refuses with
        if sum(1 for _ in _objects(raw)) > MAX_MEMBERS:
            too_many = f"must have at most {MAX_MEMBERS} criteria and groups in all"
            raise ValueError(too_many)
        if fault := size_fault(raw):
            raise ValueError(fault)
        if errors := [*_shape_faults(raw, "", 1)]:
            raise InvalidParts(errors)
        return super().read(raw) or None

    def schema(self) -> dict[str, object]:
        """Describe the groups by the component that describes one."""
        return {"type": "array", "items": {"$ref": f"#/components/schemas/{GROUP}"}, "examples": [self.example]}

    def components(self) -> dict[str, dict[str, object]]:
        """Return the schemas of a group and of a member of one."""
        criteria: dict[str, object] = {
            slot.name: {**slot.form.schema(), "description": f"{slot.description.rstrip('.')}."}
            for slot in slots(SegmentCriteria)
        }
        group: dict[str, object] = {
            "type": "object",
            "description": "A group: all of its members hold, any of them, or none.",
            "properties": {each: MembersForm().schema() for each in RELATIONS},
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        }
        member: dict[str, object] = {
            "description": "A member of a group: an object with criteria that must all hold, or a group.",
            "anyOf": [
                {"type": "object", "properties": criteria, "minProperties": 1, "additionalProperties": False},
                {"$ref": f"#/components/schemas/{GROUP}"},
            ],
        }
        return {GROUP: group, MEMBER: member}


Members = Annotated[list["Member"], MembersForm()]


class Member(SegmentCriteria, kw_only=True, omit_defaults=True):
    """A member of a group: criteria, of which all must hold, or a group."""

    all: Annotated[Members | None, "All of these hold"] = None
    any: Annotated[Members | None, "At least one of these holds"] = None
    none: Annotated[Members | None, "None of these holds"] = None

    def relations(self) -> Iterator[tuple[str, list["Member"]]]:
        """Yield the relation of a group with its members."""
        yield from ((each, getattr(self, each)) for each in RELATIONS if getattr(self, each) is not None)


NAMES = frozenset(name for slot in slots(Member) for name in slot.wire_names)


def _objects(raw: object) -> Iterator[None]:
    """Yield once for each criterion or group, at most one more than there may be."""
    pending = [raw]
    count = 0
    while pending and count <= MAX_MEMBERS:
        each = pending.pop()
        if not isinstance(each, dict):
            pending += each[: MAX_MEMBERS + 1] if isinstance(each, list) else []
            continue
        for name, value in [*each.items()][: MAX_MEMBERS + 1] or [("", None)]:
            count += 1
            yield
            pending += [value] if name in RELATIONS else []


def _shape_faults(items: list[Any], path: str, level: int) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the shape of members, each with its path."""
    for place, item in enumerate(items):
        here = f"{path}[{place}]"
        if not isinstance(item, dict) or not item:
            yield here, SHAPE
            continue
        relations = [name for name in RELATIONS if name in item]
        if len(relations) > 1 or (relations and len(item) > 1):
            yield here, "must have all, any or none alone"
        elif relations:
            yield from _group_faults(item[relations[0]], f"{here}.{relations[0]}", level)
        elif level == 1:
            yield here, "must have all, any or none"
        else:
            yield from ((f"{here}.{name[:40]}", "is not a criterion") for name in item if name not in NAMES)


def _group_faults(members: object, path: str, level: int) -> Iterator[tuple[str, str]]:
    if level > MAX_LEVELS:
        yield path, f"is nested deeper than {MAX_LEVELS} levels"
    elif not isinstance(members, list) or not members:
        yield path, "must be a list with at least one member"
    else:
        yield from _shape_faults(members, path, level + 1)


def _condition(member: Member, context: Context) -> Condition:
    """Return the condition that a member holds."""
    parts = [*conditions_of(member, context)]
    for relation, members in member.relations():
        conditions = [_condition(each, context) for each in members]
        if relation == NONE_OF:
            parts += [Condition(f"{each.sql} is not true", each.values) for each in conditions]
        elif relation == ANY_OF:
            parts.append(joined(conditions, " or ", "false"))
        else:
            parts += conditions
    return joined(parts, " and ", "true")


def _plan(member: Member, context: Context) -> Plan | None:
    """Return the plan that a member holds, or None when the index cannot evaluate a part of it."""
    parts = [plan_of(member, context)]
    for relation, members in member.relations():
        plans = _plans(members, context)
        parts.append(None if plans is None else _related(relation, plans))
    return None if None in parts else AllOf([each for each in parts if each is not None])


def _plans(members: Iterable[Member], context: Context) -> list[Plan] | None:
    plans = [_plan(each, context) for each in members]
    return None if None in plans else [each for each in plans if each is not None]


def _related(relation: str, plans: list[Plan]) -> Plan:
    if relation == ALL_OF:
        return AllOf(plans)
    return AnyOf(plans) if relation == ANY_OF else Not(AnyOf(plans))


def _all_plan(groups: list[Member], context: Context) -> Plan | None:
    plans = _plans(groups, context)
    return None if plans is None else AllOf(plans)


def _parts(members: Iterable[Member], path: str, *, is_negated: bool = False) -> Iterator[Part]:
    """Yield each member, with those of its groups; what is excluded once stays excluded."""
    for place, member in enumerate(members):
        here = f"{path}[{place}]"
        yield Part(here, member, is_negated)
        for relation, nested in member.relations():
            yield from _parts(nested, f"{here}.{relation}", is_negated=is_negated or relation == NONE_OF)


GROUPS = Nested[list[Member]](
    condition=lambda groups, context: [_condition(each, context) for each in groups],
    reads=frozenset(fact for each in declarations(SegmentCriteria) for fact in each.criterion.reads),
    shows="'null'::jsonb",
    plan=_all_plan,
    parts=lambda groups: _parts(groups, "groups"),
)


class GroupCriteria(SegmentCriteria):
    """Adds groups of criteria."""

    groups: Annotated[
        Annotated[list[Member], GroupsForm()] | None,
        "Groups that must all hold: each is an object with `all`, `any` or `none` and a list of members, which are"
        " objects with criteria or groups again",
        GROUPS,
    ] = None


def groups_of(criteria: Params) -> list[Member]:
    """Return the groups of criteria."""
    return (criteria.groups or []) if isinstance(criteria, GroupCriteria) else []
