"""Lines leave a process whoever reads them: none waits, what is lost is counted, what repeats is written once."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from fanfare.kernel.running import outlet
from fanfare.kernel.running.outlet import Outlet
from tests.pipes import drained, full_pipe
from tests.running import PATIENCE


def pipe() -> tuple[int, int]:
    return os.pipe()


def pair() -> tuple[int, int]:
    """A socket, as a service manager hands one down."""
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


@pytest.fixture(params=[pipe, pair, "pipe that cannot be opened anew"])
def ends(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    make: Callable[[], tuple[int, int]] = pipe
    if isinstance(request.param, str):
        monkeypatch.setattr(outlet, "sys", SimpleNamespace(platform="elsewhere"))
    else:
        make = request.param
    reader, writer = make()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def read_all(reader: int, write: Outlet) -> list[dict[str, Any]]:
    """Read what waits, as far as the outlet can write it."""
    read = b""
    while True:
        write.write_due()
        extra = drained(reader)
        if not extra:
            return [json.loads(line) for line in read.decode().splitlines()]
        read += extra


def test_nobody_waits_for_a_reader_and_the_lost_are_counted(ends: tuple[int, int]) -> None:
    lost: list[int] = []
    out = Outlet(ends[1], lost.append)
    for number in range(20_000):
        out.write(json.dumps({"number": number}))
    result = read_all(ends[0], out)
    numbers = [each["number"] for each in result if "number" in each]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) * 20 > outlet.MAX_BYTES
    assert (result[-1]["event"], result[-1]["count"]) == ("log lines dropped", 20_000 - len(numbers))
    assert sum(lost) == 20_000 - len(numbers) > 0
    out.write(json.dumps({"number": -1}))
    assert read_all(ends[0], out) == [{"number": -1}]


def test_a_line_longer_than_the_pipe_comes_whole(ends: tuple[int, int]) -> None:
    out = Outlet(ends[1])
    out.write(json.dumps({"long": "x" * 200_000}))
    out.write(json.dumps({"long": ""}))
    assert [len(each["long"]) for each in read_all(ends[0], out)] == [200_000, 0]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the outlet's clock shows."""
    display = [0.0]
    monkeypatch.setattr(outlet, "time", SimpleNamespace(monotonic=lambda: display[0], sleep=time.sleep))
    return display


def test_what_repeats_is_written_once_with_a_count(now: list[float]) -> None:
    reader, writer = pipe()
    out = Outlet(writer)
    for reason in ("a", "b"):
        for _ in range(1000):
            out.log_event("warning", "no database", reason=reason)
    assert [(each["event"], each["reason"]) for each in read_all(reader, out)] == [
        ("no database", "a"),
        ("no database", "b"),
    ]
    now[0] += outlet.WINDOW
    assert [(each["event"], each["repeated"]) for each in read_all(reader, out)] == [("no database", 999)] * 2
    out.log_event("warning", "no database", reason="a")
    assert [each["reason"] for each in read_all(reader, out)] == ["a"]
    now[0] += outlet.WINDOW
    assert read_all(reader, out) == []
    os.close(writer)
    os.close(reader)


def test_an_event_that_differs_each_time_is_limited_too() -> None:
    reader, writer = pipe()
    out = Outlet(writer)
    for number in range(10_000):
        out.log_event("warning", "fault", place=number)
    out.flush()
    result = read_all(reader, out)
    assert len(result) == outlet.MAX_DISTINCT + 2
    assert sum(each.get("repeated", 1) for each in result) == 10_000
    os.close(writer)
    os.close(reader)


def test_lines_that_waited_and_counts_are_written_without_another_line(now: list[float]) -> None:
    with full_pipe() as (reader, writer):
        out = Outlet(writer, has_thread=True)
        out.log_event("warning", "no database")
        out.log_event("warning", "no database")
        now[0] += outlet.WINDOW
        with os.fdopen(os.dup(reader)) as lines:
            first, second = lines.readline().lstrip("."), lines.readline()
        assert (json.loads(first)["event"], json.loads(second)["repeated"]) == ("no database", 1)


def test_a_forked_child_writes_no_line_of_its_parent() -> None:
    with full_pipe() as (reader, writer):
        out = Outlet(writer)
        out.write("of the parent")
        child = os.fork()
        if child == 0:
            drained(reader)
            out.write("of the child")
            os._exit(0)
        os.waitpid(child, 0)
        assert drained(reader) == b"of the child\n"
        out.write_due()
        assert drained(reader) == b"of the parent\n"


def test_many_threads_lose_no_line() -> None:
    reader, writer = pipe()
    out = Outlet(writer)

    def write(name: int) -> None:
        for number in range(500):
            out.write(f"{name}/{number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    read = b""
    while out.write_due() or read.count(b"\n") < 4000:
        read += drained(reader)
    assert sorted(read.decode().split()) == sorted(f"{name}/{number}" for name in range(8) for number in range(500))
    os.close(writer)
    os.close(reader)


LOGS_MUCH = """
import structlog, sys
from fanfare.app import create
from fanfare.kernel.running import metrics
from fanfare.kernel.running.settings import Settings
create(Settings(database_url="postgresql://nobody@localhost:1/none"))
for number in range(3000):
    structlog.get_logger().info(f"event {number}", text="x" * 200)
print(next(line for line in metrics.exposition().decode().splitlines() if line.startswith("fanfare_log_lines_lost_t")))
"""


def test_a_process_that_nobody_reads_ends_and_counts_what_was_lost() -> None:
    with full_pipe() as (_, writer):
        ran = subprocess.run(
            [sys.executable, "-c", LOGS_MUCH], check=True, stdout=subprocess.PIPE, stderr=writer, timeout=PATIENCE
        )
    assert float(ran.stdout.split()[1]) > 1000


def test_what_is_queued_is_written_at_the_end() -> None:
    logs = "import logging; from fanfare.kernel.running import log; log.configure()\n"
    logs += "for number in range(2000): logging.getLogger('some').warning('event %s', 'x' * 100, extra={})"
    ran = subprocess.run([sys.executable, "-c", logs], check=True, capture_output=True, timeout=PATIENCE)
    results = [json.loads(each) for each in ran.stderr.splitlines()]
    assert [each.get("repeated", 1) for each in results] == [1, 1999]
