"""The groups of a search as a tree of builders, for the editor of segments.

The form has for each group and each member of one a field `node` with its number, the number of the group that it is
in, and its relation (empty for a member with criteria): `3:1:any`. The criteria of member 3 are a builder with the
prefix `g3-`. Buttons `put` (`any:1` adds a group to group 1, `:1` criteria) and `out` change the tree.
"""

from collections.abc import Iterator, Sequence

import msgspec

from fanfare.console.criteria.builder import Builder, read_builder
from fanfare.console.criteria.values import ADD, DROP, raw_of
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.parameters import Raw, read
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.groups import ANY_OF, MAX_LEVELS, MAX_MEMBERS, RELATIONS, groups_of
from fanfare.search.criteria.groups import Member as GroupMember
from fanfare.search.queries.stored import set_values, to_stored
from fanfare.staff.schemas.members import Member

NODE, PUT, OUT, RELATION = "node", "put", "out", "relation"
TOP = 0
MAX_DIGITS = 4


class Place(msgspec.Struct, frozen=True):
    """A group (with a relation), or a member with criteria: its number, and that of the group above (0: none)."""

    number: int
    parent: int
    relation: str

    @property
    def text(self) -> str:
        """How the form names it."""
        return f"{self.number}:{self.parent}:{self.relation}"


class Node(msgspec.Struct, frozen=True):
    """A group with its members, or a member with its builder; `may_nest`: whether groups may be put into it."""

    place: Place
    members: list["Node"]
    builder: Builder | None
    may_nest: bool


class Tree(msgspec.Struct, frozen=True):
    """The criteria of an editor: the builder of those outside groups, the groups, and all of them as one.

    `criteria` is None while something is wrong; `faults` are the messages about groups, each with its path.
    """

    builder: Builder
    nodes: list[Node]
    criteria: Criteria | None
    faults: list[str]
    has_command: bool

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """What the URL has of it, without commands."""
        return [*self.builder.pairs, *(pair for node in self.nodes for pair in _pairs(node))]


def _pairs(node: Node) -> Iterator[tuple[str, str]]:
    yield NODE, node.place.text
    if node.builder:
        yield from node.builder.pairs
    for each in node.members:
        yield from _pairs(each)


def raw_of_criteria(criteria: Criteria) -> Raw:
    """Return what the form has for criteria, such as those of a filter."""
    result = raw_of({name: value for name, value in to_stored(criteria).items() if name != "groups"})
    places: list[Place] = []
    for each in groups_of(criteria):
        _add_fields(each, TOP, places, result)
    result[NODE] = [each.text for each in places]
    return result


def _add_fields(member: GroupMember, parent: int, places: list[Place], result: Raw) -> None:
    relation, members = next(member.relations(), ("", []))
    place = Place(len(places) + 1, parent, relation)
    places.append(place)
    if not relation:
        result.update({f"{_prefix(place)}{name}": values for name, values in raw_of(set_values(member)).items()})
    for each in members:
        _add_fields(each, place.number, places, result)


def _prefix(place: Place) -> str:
    return f"g{place.number}-"


async def read_tree(db: Db, member: Member, language: Language, raw: Raw) -> Tree:
    """Return the criteria of a form, after its commands."""
    bare = {name: values for name, values in raw.items() if name != "groups"}
    builder = await read_builder(db, member, language, bare, area="segments")
    places = _places(raw)
    nodes = [await _node(db, member, language, raw, (places, each, 1)) for each in places if each.parent == TOP]
    criteria, faults = _joined(builder, nodes)
    return Tree(
        builder, nodes, criteria, faults, any(_is_command(name) and values != [""] for name, values in raw.items())
    )


def _is_command(name: str) -> bool:
    """Return whether a field is a command; the menus of what can be added are always sent, mostly empty."""
    return name in (PUT, OUT) or name.rpartition("-")[2] in (ADD, DROP)


def _places(raw: Raw) -> list[Place]:
    """Return the nodes of a form after the commands `put` and `out`; what is no node is ignored."""
    places = [place for text in raw.get(NODE, [])[:MAX_MEMBERS] if (place := _place(str(text), raw))]
    for text in raw.get(OUT, ())[:1]:
        places = [each for each in places if str(each.number) != str(text)]
    for text in raw.get(PUT, ())[:1]:
        relation, _, parent = str(text).partition(":")
        number = max((each.number for each in places), default=0) + 1
        if parent.isdigit() and relation in (*RELATIONS, ""):
            places.append(Place(number, int(parent[:MAX_DIGITS]), relation))
            # A new group has its first criterion at once.
            places += [Place(number + 1, number, "")] if relation else []
    return _connected(places)


def _place(text: str, raw: Raw) -> Place | None:
    number, _, rest = text.partition(":")
    parent, _, relation = rest.partition(":")
    if not (number.isdigit() and parent.isdigit()) or max(len(number), len(parent)) > MAX_DIGITS:
        return None
    chosen = str((raw.get(f"{RELATION}-{number}") or [relation])[0]) if relation else ""
    return Place(int(number), int(parent), chosen if chosen in (*RELATIONS, "") else ANY_OF)


def _connected(places: Sequence[Place]) -> list[Place]:
    """Return the nodes that are in the tree: each below one that is before it."""
    result: dict[int, Place] = {}
    for each in places:
        is_inside = each.parent == TOP and each.relation
        above = result.get(each.parent)
        if each.number and each.number not in result and (is_inside or (above and above.relation)):
            result[each.number] = each
    return list(result.values())


async def _node(db: Db, member: Member, language: Language, raw: Raw, where: tuple[list[Place], Place, int]) -> Node:
    places, place, level = where
    if not place.relation:
        builder = await read_builder(db, member, language, raw, prefix=_prefix(place), area="segments")
        return Node(place, [], builder, may_nest=False)
    inner = [each for each in places if each.parent == place.number and (not each.relation or level < MAX_LEVELS)]
    nodes = [await _node(db, member, language, raw, (places, each, level + 1)) for each in inner]
    return Node(place, nodes, None, may_nest=level < MAX_LEVELS)


def _joined(builder: Builder, nodes: Sequence[Node]) -> tuple[Criteria | None, list[str]]:
    """Return all criteria as one, or None and what is wrong with the groups."""
    leaves = [each for node in nodes for each in _leaves(node)]
    if builder.criteria is None or any(each.criteria is None for each in leaves):
        return None, []
    groups = [value for node in nodes if (value := _value(node))]
    raw: Raw = {name: [value] for name, value in to_stored(builder.criteria).items()}
    try:
        return read(Criteria, {**raw, "groups": [groups or None]}), []
    except BadParameters as wrong:
        return None, [f"{name} {message}" for name, message in wrong.errors]


def _leaves(node: Node) -> Iterator[Builder]:
    if node.builder:
        yield node.builder
    for each in node.members:
        yield from _leaves(each)


def _value(node: Node) -> dict[str, object]:
    """Return a node as the parameter `groups` has it; empty without any criterion."""
    if node.builder:
        return to_stored(node.builder.criteria) if node.builder.criteria else {}
    members = [value for each in node.members if (value := _value(each))]
    return {node.place.relation: members} if members else {}
