"""Every promise that is named anywhere is in docs/promises.md, with tests that exist or with what it waits for."""

import re
from collections.abc import Iterable, Iterator

from tests.rules.project import CODE, ROOT, missing_tests, sources

LIST = ROOT / "docs" / "promises.md"
ROW = re.compile(r"^\| ([RSI]\d+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"\b[RSI]\d{1,2}\b")


def list_faults(text: str) -> Iterator[str]:
    """Yield the promises without a test or a reason, and the tests that are not there."""
    for number, _, locked in ROW.findall(text):
        if "`tests/" not in locked and not locked.startswith("not yet: part of "):
            yield f"{number} has no test: name one in docs/promises.md, or what it waits for: `not yet: part of …`"
        yield from (f"{number}: {fault}" for fault in missing_tests(locked))


def naming_faults(text: str, texts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the promises that a file names and the list lacks, and the tests that the row of a promise lacks."""
    rows = {number: locked for number, _, locked in ROW.findall(text)}
    for name, content in texts:
        for number in sorted(set(NAMED.findall(content))):
            if number not in rows:
                yield f"{name} names {number}: add it to docs/promises.md"
            elif "/test_" in name and name not in rows[number]:
                yield f"{name} names {number}: add the test to the row of {number} in docs/promises.md"


def everything() -> Iterator[tuple[str, str]]:
    """Yield each file that may name a promise, but this one."""
    here = "tests/rules/test_promises.py"
    yield from ((source.name, source.text) for source in sources(*CODE) if source.name != here)
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.sql")]):
        yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def test_every_promise_has_its_tests() -> None:
    text = LIST.read_text("utf-8")
    assert ROW.findall(text)
    assert list(list_faults(text)) == []


def test_every_promise_that_is_named_is_listed() -> None:
    assert list(naming_faults(LIST.read_text("utf-8"), everything())) == []


def test_sees_each_fault() -> None:
    rows = "| R1 | Kept. | `tests/rules/test_promises.py::test_gone` |\n| R2 | Kept. | some day |\n"
    assert list(list_faults(rows)) == [
        "R1: no test tests/rules/test_promises.py::test_gone",
        "R2 has no test: name one in docs/promises.md, or what it waits for: `not yet: part of …`",
    ]
    texts = [("a.py", "the promise R9"), ("tests/x/test_y.py", "R1, again"), ("docs/z.md", "R1")]
    assert list(naming_faults(rows, texts)) == [
        "a.py names R9: add it to docs/promises.md",
        "tests/x/test_y.py names R1: add the test to the row of R1 in docs/promises.md",
    ]
