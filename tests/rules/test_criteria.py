"""A criterion is declared once: beside its declaration no file of the search, or of a domain above it, has its name."""

import ast
from collections.abc import Iterable, Iterator, Mapping

from fanfare import app
from tests.rules.project import PACKAGE, Source, sources

DECLARATIONS = "src/fanfare/search/criteria/"
# Words of everybody's.
SHARED = frozenset({"name", "groups"})


def declared(code: Iterable[Source]) -> dict[str, str]:
    """Return the parameters of the search, each with the file that declares it."""
    return {
        field.target.id: source.name
        for source in code
        if source.name.startswith(DECLARATIONS)
        for struct in ast.walk(source.tree)
        if isinstance(struct, ast.ClassDef) and struct.name.endswith("Criteria")
        for field in struct.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    }


def words(tree: ast.AST) -> Iterator[str]:
    """Yield the attributes, keywords and texts of a file, and what its SQL has in quotes; but for examples of calls."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "example":
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (node.value, *node.value.split("'")[1::2])
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        yield from words(node)


def named_elsewhere(code: Iterable[Source], places: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that name a criterion which another declares."""
    for source in code:
        for name in sorted(set(words(source.tree)) & places.keys() - SHARED):
            if places[name] != source.name:
                yield f"{source.name} names {name}: what it needs of a criterion belongs to {places[name]}"


def test_a_criterion_is_named_where_it_is_declared_alone() -> None:
    above = [name.removeprefix("fanfare.") for name in app.DOMAINS[app.DOMAINS.index("fanfare.search") :]]
    code = sources(*(PACKAGE / name for name in above))
    places = declared(code)
    assert len(places) >= 44
    assert list(named_elsewhere(code, places)) == []


def test_sees_a_criterion_that_is_named_elsewhere() -> None:
    struct = "class PersonCriteria(Params):\n    fan_gender: Gender = None\n    fan_age: int = 1\n"
    wrong = [
        "READS = {'fan_gender': 1}",
        "sql = \"select criteria -> 'fan_gender' from filters\"",
        "Criteria(fan_gender=1)",
        "criteria.fan_gender",
    ]
    example = "class NewFilter:\n    example: ClassVar = {'fan_gender': 'other'}\n"
    code = [
        Source(f"{DECLARATIONS}person.py", struct),
        *(Source(f"src/fanfare/segments/{number}.py", text) for number, text in enumerate([*wrong, example])),
    ]
    assert declared(code) == dict.fromkeys(("fan_gender", "fan_age"), f"{DECLARATIONS}person.py")
    assert [each.partition(":")[0] for each in named_elsewhere(code, declared(code))] == [
        f"src/fanfare/segments/{number}.py names fan_gender" for number in range(len(wrong))
    ]
