"""No test fails because a machine is slow: what must come is waited for long, and no seconds are asserted."""

import ast
from collections.abc import Iterable, Iterator

from tests.rules.project import ROOT, Source, sources

# Whoever waits for something that must come waits at least this long, or for `PATIENCE`.
MIN_SECONDS = 60
WAITS = frozenset({"asyncio.timeout", "asyncio.wait_for", "wait", "join"})
CLOCKS = frozenset({"process_time", "perf_counter", "thread_time"})
CLIENTS = frozenset({"httpx.AsyncClient", "httpx.Client", "httpx.get", "httpx.post"})
# Where times are measured on purpose: as ratios, for work of a length, and for the figures that `make faults` prints.
MEASURES = frozenset(
    {
        "tests/yardstick.py",
        "tests/faults/test_crowd.py",
        "tests/kernel/running/test_loop_turns.py",
        "tests/kernel/web/test_loop_time.py",
    }
)


def short_waits(code: Iterable[Source]) -> Iterator[str]:
    """Yield the places where a test waits for less than a minute, by a number or by a default of the library."""
    for source in code:
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            seconds = [each.value for each in node.keywords if each.arg == "timeout"]
            seconds += node.args[-1:] if {name, name.rpartition(".")[2]} & WAITS else []
            for each in seconds:
                if isinstance(each, ast.Constant) and isinstance(each.value, int | float) and each.value < MIN_SECONDS:
                    yield f"{source.name}:{node.lineno} waits {each.value} s; PATIENCE is for what must come"
            if name in CLIENTS:
                words = {each.arg for each in node.keywords}
                if not words & {"timeout", "transport"}:
                    yield f"{source.name}:{node.lineno} waits 5 s, which is httpx's default"


def times_asserted(code: Iterable[Source]) -> Iterator[str]:
    """Yield the places where a test reads a clock of the processor; tests/yardstick.py compares."""
    for source in code:
        if source.name in MEASURES:
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
                yield f"{source.name}:{node.lineno} reads {node.attr}(); tests/yardstick.py compares instead"


def test_what_must_come_is_waited_for() -> None:
    assert list(short_waits(sources(ROOT / "tests"))) == []


def test_no_seconds_are_asserted() -> None:
    assert list(times_asserted(sources(ROOT / "tests"))) == []


IMPATIENT = """
async def test_x(process, thread):
    async with asyncio.timeout(30):
        process.wait(5)
    await asyncio.wait_for(x, 300)
    started = time.process_time()
    async with httpx.AsyncClient(base_url=url) as one, httpx.AsyncClient(transport=here) as second:
        ",".join(x)
    subprocess.run(command, timeout=20)
"""


def test_sees_short_waits_and_clocks() -> None:
    code = Source("tests/a.py", IMPATIENT)
    assert sorted(short_waits([code])) == [
        "tests/a.py:3 waits 30 s; PATIENCE is for what must come",
        "tests/a.py:4 waits 5 s; PATIENCE is for what must come",
        "tests/a.py:7 waits 5 s, which is httpx's default",
        "tests/a.py:9 waits 20 s; PATIENCE is for what must come",
    ]
    assert list(times_asserted([code])) == ["tests/a.py:6 reads process_time(); tests/yardstick.py compares instead"]
