"""Every decision is in the list, under its number and its title, and no number is used twice."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.rules.project import ROOT

FOLDER = ROOT / "docs" / "decisions"
ENTRY = re.compile(r"^- \[(\d+)\]\(([^)]+)\): (.+)$", re.MULTILINE)
HEADING = re.compile(r"# (\d+)\. (.+)")


def faults(listed: str, files: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong with the list or a file, and what to do about it; `files` gives each name its first line."""
    expected: list[tuple[str, str, str]] = []
    for name, first in sorted(files.items()):
        heading = HEADING.fullmatch(first)
        if heading is None or not name.startswith(f"{int(heading[1]):04}-"):
            yield f"{name} does not begin with its number: make its first line `# N. Title`"
        else:
            expected.append((heading[1], name, heading[2]))
    numbers = [number for number, _, _ in expected]
    yield from (
        f"number {each} is used twice: take the next one" for each in sorted(set(numbers)) if numbers.count(each) > 1
    )
    entries = ENTRY.findall(listed)
    for number, name, title in expected:
        if (number, name, title) not in entries:
            yield f"{name} is not listed: add `- [{number}]({name}): {title}` to docs/decisions/README.md"
    for number, name, title in entries:
        if (number, name, title) not in expected:
            yield f"{name} is listed and not there under that title: change its line in docs/decisions/README.md"


def first_lines(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8").partition("\n")[0] for path in folder.glob("[0-9]*.md")}


def test_every_decision_is_listed() -> None:
    assert list(faults((FOLDER / "README.md").read_text("utf-8"), first_lines(FOLDER))) == []


def test_sees_what_is_not_listed_and_what_is_not_there() -> None:
    files = {"0001-a.md": "# 1. A", "0001-b.md": "# 1. B", "0002-c.md": "no number"}
    assert list(faults("- [1](0001-a.md): A\n- [9](0009-z.md): Z\n", files)) == [
        "0002-c.md does not begin with its number: make its first line `# N. Title`",
        "number 1 is used twice: take the next one",
        "0001-b.md is not listed: add `- [1](0001-b.md): B` to docs/decisions/README.md",
        "0009-z.md is listed and not there under that title: change its line in docs/decisions/README.md",
    ]
