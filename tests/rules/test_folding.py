"""Texts are compared as `kernel/folding.py` and `fold_text` fold them: nothing else takes their case away."""

import ast
import re
from collections.abc import Iterable, Iterator

from tests.rules import waivers
from tests.rules.project import MIGRATIONS, PACKAGE, Source, sources
from tests.rules.sql import constants

METHODS = frozenset({"lower", "upper", "casefold", "title", "capitalize", "swapcase"})
IN_SQL = re.compile(r"(?<![\w.])(?:lower|upper|initcap|unaccent)\s*\((?!\))|\bilike\b|!?~~?\*")
BROUGHT_FOLDING = "0037_folding.sql"
# They compare no text of people's.
EXEMPT = ("src/fanfare/kernel/", "src/fanfare/cli/")


def calls(tree: ast.AST, around: str = "module") -> Iterator[tuple[str, str]]:
    """Yield the calls that change case, each with the function around it."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from calls(child, child.name)
            continue
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute) and child.func.attr in METHODS:
            yield around, f".{child.func.attr}()"
        yield from calls(child, around)


def faults(code: Iterable[Source]) -> Iterator[tuple[str, str]]:
    """Yield each place that takes case away by itself."""
    for source in code:
        if not source.name.startswith(EXEMPT):
            yield from ((f"{source.name}:{around}", words) for around, words in calls(source.tree))
        for around, text in constants(source.tree):
            yield from ((f"{source.name}:{around}", match[0]) for match in IN_SQL.finditer(text))


def migration_faults(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the same of migrations, of which those up to the one that brought `fold_text` never change."""
    for name, text in texts:
        if name > BROUGHT_FOLDING:
            bare = "\n".join(line.partition("--")[0] for line in text.splitlines())
            yield from ((name, match[0]) for match in IN_SQL.finditer(bare))


def test_case_is_taken_away_in_one_place() -> None:
    assert waivers.without(faults(sources(PACKAGE)), waivers.CASES) == []
    assert list(migration_faults((path.name, path.read_text("utf-8")) for path in MIGRATIONS.glob("*.sql"))) == []


BAD = '''
WHOLE = "select 1 from tags where lower(tag_name) = $1"
def asked(name):
    """Lower (the name) and ilike are words here."""
    return [each.casefold() for each in name.strip().upper()]
async def good(db):
    return await db.rows("select upper_bound, fold_text(x) from t where r = fold_text($1)")
async def like(db):
    return await db.rows("select 1 from t where x ilike $1 or y ~* $1")
'''


def test_sees_other_ways() -> None:
    index = "-- lower(a)\ncreate index x on t (account_id, lower(tag_name), fold_text(place));"
    texts = [(BROUGHT_FOLDING, index), ("0099_x.sql", index)]
    assert list(migration_faults(texts)) == [("0099_x.sql", "lower(")]
    assert list(faults([Source("a.py", BAD)])) == [
        ("a.py:asked", ".casefold()"),
        ("a.py:asked", ".upper()"),
        ("a.py:module", "lower("),
        ("a.py:like", "ilike"),
        ("a.py:like", "~*"),
    ]
