"""The tests mirror the source: a folder of code has its folder of tests, by the same name."""

from collections.abc import Iterable
from pathlib import Path

from tests.rules.project import PACKAGE, TESTS, domains

# What is tested as a whole rather than by folder.
EXTRA = frozenset({"app", "readme", "rules", "clients", "faults", "pulls", "fuzz", "bench"})


def unmirrored(code: Iterable[str], tests: dict[str, int]) -> list[str]:
    """Return the folders of code without a test file, and the folders of tests without code."""
    code = set(code)
    missing = [
        f"src/fanfare/{name} has no test: add one to tests/{name}" for name in sorted(code) if not tests.get(name)
    ]
    strays = sorted(name for name in tests if name not in code | EXTRA)
    return missing + [f"tests/{name} mirrors nothing in src/fanfare" for name in strays]


def counted(folder: Path = TESTS) -> dict[str, int]:
    """Count the test files of each folder of tests; `test_cli.py` alone is as good as a folder `cli`."""
    folders = [path for path in folder.iterdir() if any(path.rglob("*.py"))]
    result = {path.name: len(list(path.rglob("test_*.py"))) for path in folders}
    return result | {path.stem.removeprefix("test_"): 1 for path in folder.glob("test_*.py")}


def test_each_folder_of_code_has_tests() -> None:
    code = [path.name for path in domains()] + [(PACKAGE / "kernel").name]
    assert unmirrored(code, counted()) == []


def test_sees_a_folder_without_tests_and_tests_without_a_folder() -> None:
    assert unmirrored(["fans", "points", "cli"], {"fans": 2, "cli": 1, "points": 0, "idol": 1, "rules": 9}) == [
        "src/fanfare/points has no test: add one to tests/points",
        "tests/idol mirrors nothing in src/fanfare",
    ]
