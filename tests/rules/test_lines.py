"""What comes over the wire is read before an action: by the forms of a schema, where parameters are read."""

import ast
from collections.abc import Iterable, Iterator

from tests.rules.project import PACKAGE, Source, sources

# What reads the wire: parameters, JSON, forms of bodies, and anything of the web.
READERS = {
    "fanfare.kernel.parameters": {"read", "slots", "from_json", "from_query", "add", "name_array", "named"},
    "fanfare.kernel.wire": {"decode_json", "loaded", "spoiled", "weight"},
    "fanfare.kernel.data.lines": {"lines_of", "ItemForm"},
}
WEB = "fanfare.kernel.web"
LAYERS = ("actions", "queries", "jobs")


def readers_of_the_wire(code: Iterable[Source]) -> Iterator[str]:
    """Yield the modules of actions, queries and jobs that import what reads the wire."""
    for source in code:
        parts = source.name.removesuffix(".py").split("/")
        if len(parts) < 4 or parts[3] not in LAYERS or parts[2] == "kernel":
            continue
        for node in ast.walk(source.tree):
            names = [each.name for each in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            wrong = set(names) if module.startswith(WEB) else set(names) & READERS.get(module, set())
            wrong |= {name for name in names if name.startswith(WEB)} if not module else set()
            yield from (f"{source.name}: {name} reads the wire; a schema's form does" for name in sorted(wrong))
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("json.loads", "msgspec.json.decode"):
                yield f"{source.name}: {ast.unparse(node)} reads the wire; a schema's form does"


def test_actions_get_what_was_read() -> None:
    assert list(readers_of_the_wire(sources(PACKAGE))) == []


BAD = """
from fanfare.kernel.parameters import RequestContext, read
from fanfare.kernel.wire import check_past, decode_json, spoiled
from fanfare.kernel.web.body import Body
import fanfare.kernel.web.http
def save(line):
    return msgspec.json.decode(line), msgspec.json.encode(line)
"""


def test_sees_an_action_that_reads_the_wire() -> None:
    names = ("read", "decode_json", "spoiled", "Body", "fanfare.kernel.web.http", "msgspec.json.decode")
    for place in ("src/fanfare/fans/actions.py", "src/fanfare/fans/actions/saving.py", "src/fanfare/fans/jobs.py"):
        result = list(readers_of_the_wire([Source(place, BAD)]))
        assert result == [f"{place}: {name} reads the wire; a schema's form does" for name in names]
    assert list(readers_of_the_wire([Source("src/fanfare/fans/schemas.py", BAD)])) == []
    assert list(readers_of_the_wire([Source("src/fanfare/kernel/data/jobs.py", BAD)])) == []
