"""How to add a call: each step of the list names the file that it is about and the rule that fails without it."""

import re
from collections.abc import Iterator

from tests.rules.project import ROOT, TEST_NAMED

SECTION = re.compile(r"^## How to add a call\n(.*?)^## ", re.DOTALL | re.MULTILINE)
STEP = re.compile(r"^\d+\. (.*?)(?=^\d+\. |\Z)", re.DOTALL | re.MULTILINE)
RULE = re.compile(r"`[^`]+::\w+`")
FILE = re.compile(r"`([\w./]+(?:\.\w+|/\w+))`")


def steps(text: str) -> list[str]:
    """Return the steps of the list in a document."""
    section = SECTION.search(text)
    return [" ".join(step.split()) for step in STEP.findall(section[1])] if section else []


def step_faults(listed: list[str]) -> Iterator[str]:
    """Yield the steps that name no file, or no rule. That both exist is held by test_docs.py."""
    for number, step in enumerate(listed, 1):
        if not FILE.search(RULE.sub("", step)):
            yield f"step {number} names no file: add it to docs/contributing.md"
        if not any(name.startswith("tests/rules/") and test for name, test in TEST_NAMED.findall(step)):
            yield f"step {number} names no rule: add `Rule: tests/rules/…::…` to docs/contributing.md"


def test_every_step_names_its_file_and_its_rule() -> None:
    listed = steps((ROOT / "docs" / "contributing.md").read_text("utf-8"))
    assert len(listed) > 9
    assert list(step_faults(listed)) == []


def test_sees_a_step_without_file_or_rule() -> None:
    text = "## How to add a call\n\n1. Do `app.py`.\n   Rule: `tests/rules/test_x.py::test_y`.\n2. Hope.\n\n## Else\n"
    assert list(step_faults(steps(text))) == [
        "step 2 names no file: add it to docs/contributing.md",
        "step 2 names no rule: add `Rule: tests/rules/…::…` to docs/contributing.md",
    ]
