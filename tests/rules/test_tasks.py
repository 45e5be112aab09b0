"""No work beside the calls ends in silence: `kernel/tasks.py` starts it all and tells of failures."""

import ast
from collections.abc import Iterator

from tests.rules.project import PACKAGE, functions, sources
from tests.rules.waivers import TASKS, without

STARTERS = {"create_task", "ensure_future"}
KEEPER = "src/fanfare/kernel/running/tasks.py"


def started() -> Iterator[tuple[str, str]]:
    for source in sources(PACKAGE):
        if source.name != KEEPER:
            for function in functions(source.tree):
                calls = [each for each in ast.walk(function) if isinstance(each, ast.Call)]
                if any(isinstance(each.func, ast.Attribute) and each.func.attr in STARTERS for each in calls):
                    yield f"{source.name}:{function.name}", "starts a task whose failure nobody is told of"


def test_no_task_is_started_past_its_keeper() -> None:
    assert without(started(), TASKS) == []
