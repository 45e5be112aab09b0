"""The project as the rules look at it: its files, its folders, and what may not be measured by a rule."""

import ast
import gc
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "fanfare"
MIGRATIONS = PACKAGE / "migrations"
TESTS = ROOT / "tests"
CODE = (PACKAGE, TESTS, ROOT / "bench")
# A test as docs name it: its file, and perhaps its function.
TEST_NAMED = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


class Source(NamedTuple):
    """One Python file: its path from the root, and its text."""

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return parsed(self.text)


@cache
def parsed(text: str) -> ast.Module:
    """Return the tree of a file, which every rule reads and none changes, nor the garbage collector looks at."""
    gc.disable()
    tree = ast.parse(text)
    gc.freeze()
    gc.enable()
    return tree


def sources(*folders: Path) -> list[Source]:
    """Return the Python files below the folders."""
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths]


def missing_tests(text: str) -> Iterator[str]:
    """Yield the tests that a text names and that are not there."""
    for name, test in TEST_NAMED.findall(text):
        path = ROOT / name
        if not path.exists():
            yield f"no test {name}"
        elif test and not re.search(rf"^(?:async )?def {test}\(", path.read_text("utf-8"), re.MULTILINE):
            yield f"no test {name}::{test}"


def packages(root: Path = PACKAGE) -> list[Path]:
    """Return the folders below the package that hold Python files."""
    return sorted({path.parent for path in root.rglob("*.py")} - {root})


def domains() -> list[Path]:
    """Return the folders of the domains: every package but the kernel."""
    return [path for path in packages() if path.parent == PACKAGE and path.name != "kernel"]


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a file, the inner ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
