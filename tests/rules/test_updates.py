"""Partial updates have one idiom: `kernel/data/updates.py` says what was sent and how the row comes to hold it."""

import ast
import re
from collections.abc import Iterable, Iterator

from tests.rules.project import PACKAGE, Source, sources
from tests.rules.sql import constants

IDIOM = "src/fanfare/kernel/data/updates.py"
# A column that stays unless a flag or a value beside it is given, and a record written over a row.
BY_FLAG = re.compile(
    r"\bset\b.*(\bcase when \$\d+ then \$\d+ else\b|\b(\w+) = coalesce\(\$\d+(::\w+)?, \2\))", re.DOTALL
)
OVER_ROW = re.compile(r"\bset\b.*\bjsonb_populate_record\((?!null::)[^…)]", re.DOTALL)


def other_idioms(code: Iterable[Source]) -> Iterator[str]:
    """Yield what updates a row in part by another way, and what asks itself whether a field was sent."""
    for source in code:
        for place, text in constants(source.tree):
            if BY_FLAG.search(text) or OVER_ROW.search(text):
                yield f"{source.name}:{place}: updates in part by hand; use Columns or assignments"
        if not re.search(r"/actions(/|\.py)", source.name):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Compare) and any("UNSET" in ast.unparse(each) for each in node.comparators):
                yield f"{source.name}:{node.lineno}: {ast.unparse(node)}; sent() says what was sent"


def test_partial_updates_have_one_idiom() -> None:
    assert list(other_idioms(source for source in sources(PACKAGE) if source.name != IDIOM)) == []


BAD = '''
"""Docstring: case when $3 then $4 else name end."""
A = "update fans set name = case when $3 then $4 else name end where account_id = $1"
B = "update fans set name = coalesce($3, name) where account_id = $1"
C = "update fans f set (name) = (select name from jsonb_populate_record(f, $3)) where account_id = $1"
D = f"update fans f set {assignments(('name',), 'f', '$3')} where account_id = $1"
E = "select name from jsonb_populate_record(null::fans, $2) where $3 = coalesce($4, 2)"
def change(wanted):
    return {} if wanted.name is UNSET else {"name": wanted.name, "city": msgspec.UNSET}
'''


def test_sees_another_idiom() -> None:
    place = "src/fanfare/fans/actions/a.py"
    assert list(other_idioms([Source(place, BAD)])) == [
        *[f"{place}:module: updates in part by hand; use Columns or assignments"] * 3,
        f"{place}:9: wanted.name is UNSET; sent() says what was sent",
    ]
