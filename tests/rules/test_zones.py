"""Rules of time zones are read in one place and days computed in another, so that Python and SQL agree on them."""

import ast
from collections.abc import Iterable, Iterator

from tests.rules.project import ROOT, Source, sources

RULES, DAYS = "src/fanfare/kernel/wire/zones.py", "src/fanfare/kernel/wire/times.py"


def is_day(node: ast.Call) -> bool:
    """Return whether a node is `….astimezone(…).date()` of a zone that is not UTC."""
    match node:
        case ast.Call(
            func=ast.Attribute(attr="date", value=ast.Call(func=ast.Attribute(attr="astimezone"), args=[ast.Call()]))
        ):
            return True
    return False


def copies(code: Iterable[Source]) -> Iterator[str]:
    """Yield the places that read rules of time zones, or compute the day of a time, by themselves."""
    for source in code:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ImportFrom) and node.module == "zoneinfo" and source.name != RULES:
                yield f"{source.name}:{node.lineno} imports zoneinfo; {RULES} has zone_of()"
            if source.name != DAYS and isinstance(node, ast.Call) and is_day(node):
                yield f"{source.name}:{node.lineno} computes a day; {DAYS} has day_of()"


def test_zones_and_days_have_one_place() -> None:
    assert list(copies(sources(ROOT / "src"))) == []


COPIES = """
from zoneinfo import ZoneInfo
today = now.astimezone(zone_of(account.time_zone)).date()
local = now.astimezone(zone_of(account.time_zone)).time()
"""


def test_sees_copies() -> None:
    assert [each.partition(" ")[0] for each in copies([Source("src/a.py", COPIES)])] == ["src/a.py:2", "src/a.py:3"]
