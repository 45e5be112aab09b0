"""The docs are true: every command, setting, path, link, call and make target that they name exists."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import typer.main

from fanfare import app
from fanfare.cli.commands import app as command
from fanfare.kernel.running import settings
from tests import answers
from tests.rules.project import PACKAGE, ROOT, missing_tests

DOCS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "bench/*.md", "docs/**/*.md")
CODE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SETTING = re.compile(r"\b(?:FANFARE_[A-Z_]+|[A-Z]+_URL)\b")
CALL = re.compile(r"/(?:api/)?v1/[\w/{}*.-]+")
TARGET = re.compile(r"(?:^|\s)make ([a-z][a-z-]*(?: [a-z][a-z-]*)*)", re.MULTILINE)
COMMAND = re.compile(r"(?:^|[ /])fanfare((?: [a-z][a-z-]*)+)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
SELECTION = re.compile(r"pytest (tests[\w/]*) -k (\w+)")
TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
# What looks like a file: a path with a slash, or a name with an ending that we use.
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?|[\w-]+/|[\w.-]+\.(?:py|md|sql|toml|lock|txt|yaml)|Makefile")
# Named without being in the repository: what a running server and tests write, and a path of a URL.
ELSEWHERE = re.compile(
    r"(?:operator|postgresql)\.conf|fanfare\.json|(?:application|message)/[\w+]+|\.data|\d+\.\d+.*|openapi\.json"
    r"|tests/\w+/pictures/"
)


class Named(NamedTuple):
    """What the docs may name."""

    commands: set[str]
    options: set[str]
    settings: set[str]
    calls: set[str]
    targets: set[str]


def commands_of(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each command with its words."""
    yield name, group
    if hasattr(group, "list_commands"):
        context = typer.Context(group)
        for word in group.list_commands(context):
            yield from commands_of(group.get_command(context, word), f"{name} {word}".strip())


def named() -> Named:
    """Return what exists."""
    result = dict(commands_of(typer.main.get_command(command)))
    options = {option for each in result.values() for parameter in each.params for option in parameter.opts}
    variables = {settings.variable(field.name) for field in msgspec.structs.fields(settings.Settings)}
    catalogue = answers.catalogue()
    calls = {plain(each.path) for each in app.endpoints()}
    assert calls & {plain(call["path"]) for call in catalogue}
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    return Named(set(result) - {""}, {*options, "--help"}, variables, calls, targets)


def plain(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def words_of(text: str) -> Iterator[str]:
    """Yield what a document says as code: its spans and the lines of its shell blocks."""
    for _, block in BLOCK.findall(text):
        yield from (line.partition("#")[0] for line in block.splitlines())
    yield from CODE.findall(BLOCK.sub("", text))


def link_faults(text: str, folder: Path) -> Iterator[str]:
    for link in LINK.findall(text):
        if "://" not in link and not (folder / link.partition("#")[0]).exists():
            yield f"no file {link}"


def path_faults(word: str, roots: Iterable[Path]) -> Iterator[str]:
    """Yield the paths of a piece of code that are nowhere; one that starts with a slash is an address."""
    for match in FILE.finditer(word):
        path = match[0]
        if word[: match.start()].endswith(("/", "$")) or "://" in word or ELSEWHERE.fullmatch(path):
            continue
        if not any((root / path).exists() for root in roots):
            yield f"no file {path}"


def word_faults(word: str, existing: Named) -> Iterator[str]:
    """Yield the commands, options, settings, targets and calls of a piece of code that do not exist."""
    yield from (f"no setting {name}" for name in SETTING.findall(word) if name not in existing.settings)
    for match in TARGET.findall(word):
        yield from (f"no target {name}" for name in match.split() if name not in existing.targets)
    for match in COMMAND.findall(word):
        if not any(match.strip() == name or f"{match.strip()} ".startswith(f"{name} ") for name in existing.commands):
            yield f"no command fanfare {match.strip()}"
    if "curl" not in word and "pytest" not in word:
        yield from (f"no option {name}" for name in OPTION.findall(word) if name not in existing.options)
    for call in CALL.findall(word):
        if plain("/api/v1" + call.partition("/v1")[2]).rstrip("/") not in existing.calls:
            yield f"no call {call}"


def selection_faults(word: str) -> Iterator[str]:
    """Yield the words by which a piece of code selects tests (`pytest FOLDER -k WORD`) and that no test has."""
    for folder, selected in SELECTION.findall(word):
        tests = [name for path in (ROOT / folder).rglob("test_*.py") for name in TEST.findall(path.read_text("utf-8"))]
        if not any(selected in name for name in tests):
            yield f"no test in {folder} for -k {selected}"


def faults(name: str, text: str, existing: Named) -> list[str]:
    """Return what a document names that is not there."""
    folder = (ROOT / name).parent
    domains = [path for path in PACKAGE.iterdir() if path.is_dir()]
    result = list(link_faults(text, folder))
    for word in words_of(text):
        result += path_faults(word, (ROOT, PACKAGE, folder, *domains))
        result += word_faults(word, existing)
        result += missing_tests(word)
        result += selection_faults(word)
    return [f"{name}: {fault}" for fault in dict.fromkeys(result)]


def documents() -> dict[str, str]:
    paths = sorted(path for pattern in DOCS for path in ROOT.glob(pattern))
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def test_what_the_docs_name_exists() -> None:
    existing = named()
    assert [fault for name, text in documents().items() for fault in faults(name, text, existing)] == []


def test_every_setting_and_command_is_told() -> None:
    existing = named()
    result = (ROOT / "docs" / "operating.md").read_text("utf-8")
    leaves = {name for name in existing.commands if not any(each.startswith(f"{name} ") for each in existing.commands)}
    assert sorted(name for name in existing.settings if f"`{name}`" not in result) == []
    assert sorted(name for name in leaves if f"`fanfare {name}`" not in result) == []


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    listed = re.findall(r"@echo 'make ([a-z-]+) ", text)
    assert sorted(listed) == sorted(set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE)) - {"help"})


def test_settings_are_told_with_their_defaults() -> None:
    result = (ROOT / "docs" / "operating.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)` )?\|", result, re.MULTILINE))
    defaults = msgspec.structs.asdict(settings.Settings())
    expected = {
        settings.variable(name): f"{value:g}" if isinstance(value, float) else str(value or "")
        for name, value in defaults.items()
    }
    assert rows == expected


def test_glossary_is_in_order() -> None:
    words = re.findall(r"^\| (\w+) \|", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)[1:]
    assert words == sorted(words)


NAMES = Named({"up", "key", "key list"}, {"--port"}, {"DATABASE_URL"}, {"/api/v1/crm/fans/{}"}, {"demo"})
GOOD = """
`fanfare up --port`, `fanfare key list ID`, `make demo`, `DATABASE_URL`, [a](../README.md), [b](https://example.com/x)
`src/fanfare/app.py`, `kernel/data/db.py`, `GET /api/v1/crm/fans/{fan_id}`, `10.0.0.0/8`, `/healthz`

```
make demo   # a comment with fanfare nothing
```
"""
BAD = """
`fanfare down --prot`, `make lunch`, `FANFARE_COLOUR`, [a](nowhere.md), `src/fanfare/nowhere.py`, `/api/v1/crm/fins`,
`tests/test_cli.py::test_x`, `pytest tests/rules -k nonsense`, `pytest tests/rules -k selected`
"""


def test_sees_what_does_not_exist_and_what_is_not_selected() -> None:
    assert faults("docs/x.md", GOOD, NAMES) == []
    assert sorted(faults("docs/x.md", BAD, NAMES)) == [
        "docs/x.md: no call /api/v1/crm/fins",
        "docs/x.md: no command fanfare down",
        "docs/x.md: no file nowhere.md",
        "docs/x.md: no file src/fanfare/nowhere.py",
        "docs/x.md: no option --prot",
        "docs/x.md: no setting FANFARE_COLOUR",
        "docs/x.md: no target lunch",
        "docs/x.md: no test in tests/rules for -k nonsense",
        "docs/x.md: no test tests/test_cli.py::test_x",
    ]
