"""Names are nouns and verbs of the field: none is a participle, a pronoun or a bare quantity."""

import ast
import re
from collections.abc import Iterable, Iterator

from tests.rules import waivers
from tests.rules.project import PACKAGE, ROOT, Source, sources

# A name that is one of these says nothing of the thing that it names: say what it is (`rows`, `match`, `limit`).
WORDS = frozenset(
    """
    after all anybody apart asked at before beside both changed cut few found further given held it kept known least
    left made many meant more most nobody none of once other others own said same seen sent shown somebody sought
    stored such taken them these those told tried wanted what which who whole whose
    """.split()  # noqa: SIM905 - a list of words
)
# In tests these may stand alone: what is compared is short, and close by.
IN_TESTS = frozenset({"after", "all", "before", "both", "few", "many", "more", "none", "other", "others"})
# A bound says of what it is one: MAX_PARTS, MIN_SECONDS.
BOUND = re.compile(r"(MOST|LEAST)(_|$)")


def is_vague(name: str) -> bool:
    if name.startswith("__"):
        return False
    return name.strip("_").lower() in WORDS or BOUND.match(name) is not None


def bound_names(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a file gives: to parameters, variables, fields, functions and classes."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def vague_names(code: Iterable[Source]) -> Iterator[tuple[str, str]]:
    """Yield the names that are in the list, each with its place; those of the wire are the contract's."""
    for source in code:
        for name in bound_names(source.tree):
            is_free = source.name.startswith("tests/") and name.strip("_").lower() in IN_TESTS
            if is_vague(name) and not is_free and "/schemas" not in source.name:
                yield f"{source.name}:{name}", "says not what it is"


def test_names_say_what_a_thing_is() -> None:
    code = sources(PACKAGE, ROOT / "tests")
    assert [place for place, _ in vague_names(code) if place not in waivers.WORDS] == []


def test_every_waived_name_is_there() -> None:
    assert waivers.WORDS.keys() - {place for place, _ in vague_names(sources(PACKAGE))} == set()


def test_sees_vague_names() -> None:
    code = Source(
        "a.py",
        "MOST_ROWS = 1\nclass Held:\n    at: int\ndef _found(given, value):\n    told = [each for each in value]\n"
        "    value.kept = told\n",
    )
    assert [place for place, _ in vague_names([code])] == [
        "a.py:Held", "a.py:_found", "a.py:MOST_ROWS", "a.py:at", "a.py:given", "a.py:told", "a.py:kept",
    ]  # fmt: skip


def test_sees_vague_names_in_tests() -> None:
    code = Source("tests/a.py", "before, told = 1, 2\n")
    assert [place for place, _ in vague_names([code])] == ["tests/a.py:told"]


def test_names_of_the_wire_are_the_contracts() -> None:
    assert list(vague_names([Source("src/fanfare/x/schemas.py", "class A:\n    whole: bool\n")])) == []
