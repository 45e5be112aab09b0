"""Names say what a thing is: tables, columns, endpoints, and what must not be named at all."""

import ast
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from fanfare import app
from tests.rules import project, waivers
from tests.rules.project import PACKAGE, ROOT, Source, functions, sources
from tests.rules.schema import Table, migration_texts, tables

TIME = re.compile(r"_at$")
DAY = re.compile(r"_(on|date)$")
FLAG = re.compile(r"^(is|has)_")
# Hosts of package registries: a lock or a command that names one does not work behind a mirror.
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs")
# Packages that are no domains, and the domains without calls: one has lists, one a process.
NO_DOMAINS = frozenset({"cli", "demo"})
OTHER_SHAPES = NO_DOMAINS | {"places", "audience"}
TEXTS = ("*.md", "*.toml", "*.lock", "*.py", "*.sql", "*.json", "*.yml", ".npmrc", "Makefile", ".ci/*")


def table_name_faults(rows: dict[str, Table]) -> Iterator[tuple[str, str]]:
    """Yield tables that are no plural in snake_case, and columns whose type and name disagree, each with its place."""
    for table in rows.values():
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*s", table.name.split(".")[-1]):
            yield table.name, "is no plural in snake_case"
        if table.name == "events":
            yield table.name, "an event is named with its owner"
        for name, words in table.columns.items():
            payload = {"timestamptz": TIME, "timestamp": TIME, "date": DAY, "boolean": FLAG}.get(words.split()[0])
            if payload and not payload.search(name):
                yield f"{table.name}.{name}", f"is a {words.split()[0]} and not named {payload.pattern}"


def is_endpoint(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    marks = [each.func for each in node.decorator_list if isinstance(each, ast.Call)]
    return any(
        isinstance(m, ast.Attribute) and isinstance(m.value, ast.Name) and m.value.id == "endpoint" for m in marks
    )


def endpoint_faults(code: Iterable[Source]) -> Iterator[str]:
    """Yield the endpoints that do more than say what they are and call one action or query."""
    for source in code:
        for node in functions(source.tree):
            if not is_endpoint(node):
                continue
            place = f"{source.name}:{node.name}"
            if not source.name.endswith("/endpoints.py") and "/endpoints/" not in source.name:
                yield f"{place} is an endpoint outside endpoints.py"
            if ast.get_docstring(node) is None:
                yield f"{place} has no docstring"
            awaited = [each for each in ast.walk(node) if isinstance(each, ast.Await)]
            if len(awaited) != 1 or len(node.body) > 3:
                yield f"{place} is more than a docstring and one call"


def wire_words_below(code: Iterable[Source]) -> Iterator[str]:
    """Yield the files below the endpoints that speak HTTP."""
    for source in code:
        if re.match(r"src/fanfare/(cli/|app\.py|kernel/(web|pages)/|\w+/endpoints)", source.name):
            continue
        for node in ast.walk(source.tree):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                if name.split(".")[0] == "uvicorn" or f"{name}.".startswith("fanfare.kernel.web."):
                    yield f"{source.name} imports {name}"


def files_of(root: Path) -> Iterator[Path]:
    """Yield the files below a folder, but what is installed there, and data."""
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in (".git", ".data") and not name.startswith(".venv")]
        yield from (Path(folder, name) for name in files)


def registries_named(root: Path) -> list[str]:
    """Return the files kept in the repository that name a package registry."""
    paths = (path for path in files_of(root) if any(path.match(pattern) for pattern in TEXTS))
    return sorted(path.relative_to(root).as_posix() for path in paths if REGISTRY.search(path.read_text("utf-8")))


def domain_faults(folders: Iterable[str], listed: Iterable[str], place: str) -> list[str]:
    """Return the folders that a list of domains lacks, and its entries without a folder."""
    lacking, strays = sorted(set(folders) - set(listed)), sorted(set(listed) - set(folders))
    return [f'src/fanfare/{name} is in no list: add "fanfare.{name}" to {place}' for name in lacking] + [
        f'there is no src/fanfare/{name}: remove "fanfare.{name}" from {place}' for name in strays
    ]


def test_tables_and_columns_are_named_by_rule() -> None:
    assert waivers.without(table_name_faults(tables(migration_texts())), waivers.TABLE_NAMES) == []


def test_endpoints_are_a_signature_a_docstring_and_one_call() -> None:
    assert list(endpoint_faults(sources(PACKAGE))) == []


def test_http_is_spoken_by_the_kernel_alone() -> None:
    assert list(wire_words_below(sources(PACKAGE))) == []


def test_no_registry_is_named() -> None:
    assert registries_named(ROOT) == []


def test_the_application_names_every_domain() -> None:
    # A folder that is not in DOMAINS would be there, and its calls would not be served.
    folders = [path.name for path in project.domains() if path.name not in NO_DOMAINS]
    listed = [name.removeprefix("fanfare.") for name in app.DOMAINS]
    assert domain_faults(folders, listed, "DOMAINS in src/fanfare/app.py") == []


def test_layers_name_every_domain() -> None:
    # Import-linter cannot say "each package": its list of domains is held complete here.
    listed = re.findall(r'^    "fanfare\.(\w+)",$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    folders = [path.name for path in project.domains() if path.name not in OTHER_SHAPES]
    assert domain_faults(folders, listed, "the containers of [[tool.importlinter.contracts]] in pyproject.toml") == []


def test_layers_are_in_the_order_of_the_domains() -> None:
    # The list of domains is the first; the parts of a domain can have the name of another.
    first = (ROOT / "pyproject.toml").read_text("utf-8").partition("Inside the kernel")[0]
    layers = re.findall(r'^    "\(?(\w+)\)?",$', first, re.MULTILINE)
    domains = [name.removeprefix("fanfare.") for name in app.DOMAINS]
    assert [name for name in reversed(layers) if name in domains] == domains


def test_sees_a_folder_without_its_line_and_a_line_without_its_folder() -> None:
    assert domain_faults(["fans", "raffles"], ["fans", "gone"], "DOMAINS in app.py") == [
        'src/fanfare/raffles is in no list: add "fanfare.raffles" to DOMAINS in app.py',
        'there is no src/fanfare/gone: remove "fanfare.gone" from DOMAINS in app.py',
    ]


def test_sees_wrong_names_of_tables_and_columns() -> None:
    created = tables(
        [
            "create table ticket (created timestamptz, born date, active boolean, sold_at timestamptz, is_on boolean)",
            "create table events (x bigint)",
        ]
    )
    assert list(table_name_faults(created)) == [
        ("ticket", "is no plural in snake_case"),
        ("ticket.created", "is a timestamptz and not named _at$"),
        ("ticket.born", "is a date and not named _(on|date)$"),
        ("ticket.active", "is a boolean and not named ^(is|has)_"),
        ("events", "an event is named with its owner"),
    ]


LOUD = '''
@endpoint.get("/x")
async def x_get(db):
    """Get."""
    y = await queries.x(db)
    return await queries.z(db, y)

@endpoint.get("/y")
async def y_get(db):
    return await queries.y(db)
'''


def test_sees_an_endpoint_that_does_more() -> None:
    assert list(endpoint_faults([Source("src/fanfare/fans/endpoints.py", LOUD)])) == [
        "src/fanfare/fans/endpoints.py:x_get is more than a docstring and one call",
        "src/fanfare/fans/endpoints.py:y_get has no docstring",
    ]
    assert "a.py:x_get is an endpoint outside endpoints.py" in endpoint_faults([Source("a.py", LOUD)])


@pytest.mark.parametrize(
    "line", ["import uvicorn", "from uvicorn.server import Server", "from fanfare.kernel.web.http import x"]
)
def test_sees_http_below_the_endpoints(line: str) -> None:
    assert len(list(wire_words_below([Source("src/fanfare/fans/queries.py", line)]))) == 1
    assert list(wire_words_below([Source("src/fanfare/kernel/web/http.py", line)])) == []


def test_sees_a_registry(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("https://" + "pypi" + ".org/simple")
    (tmp_path / "b.md").write_text("nothing")
    assert registries_named(tmp_path) == ["a.md"]
