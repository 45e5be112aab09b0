"""Work beside the calls: a failure is logged, and what is to go on goes on; a thread keeps its place until it ends."""

import asyncio
import threading

import pytest
from structlog.testing import capture_logs

from fanfare.fans.actions import passwords
from fanfare.kernel.running import long_inputs, tasks
from fanfare.kernel.web.server import connections as http_connections
from fanfare.kernel.web.server.connections import HttpConnections, Room, Times
from tests.running import PATIENCE


async def test_what_is_begun_tells_of_its_failure() -> None:
    async def fail() -> None:
        raise OverflowError

    with capture_logs() as result:
        await asyncio.wait([tasks.start_task(fail(), "sums")])
        await asyncio.sleep(0)
    assert [(each["event"], each["work"]) for each in result] == [("background work failed", "sums")]


async def test_what_is_kept_goes_on_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PAUSE_SECONDS", 0)
    failures = 3

    async def work() -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise OverflowError

    with capture_logs() as result:
        await tasks.keep_running(work, "sums")
    assert [each["work"] for each in result] == ["sums"] * 3


class Broken:
    """A connection that cannot be ended in order; the second one can."""

    buffered = 0
    write_deadline = http_connections.NEVER

    def __init__(self, *, is_broken: bool) -> None:
        self.deadline = 0.0
        self.is_broken = is_broken
        self.ended = asyncio.Event()
        self.is_dropped = False

    def expire(self) -> None:
        if self.is_broken:
            raise OverflowError
        self.deadline = http_connections.NEVER
        self.ended.set()

    evict = drop_response = expire

    def drop(self) -> None:
        self.is_dropped = True
        raise OverflowError


async def test_a_connection_that_cannot_be_ended_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connections, "SWEEP_SECONDS", 0)
    shared = HttpConnections(None, Times(1, 1, 1, 1), Room(2, 2, ()))
    with capture_logs() as result:
        for _ in range(3):
            broken, second = Broken(is_broken=True), Broken(is_broken=False)
            assert shared.add(broken, "192.0.2.1")
            assert shared.add(second, "192.0.2.2")
            async with asyncio.timeout(PATIENCE):
                await second.ended.wait()
            assert broken.is_dropped
            shared.remove(second)
        assert not shared.open
    assert {each["event"] for each in result} == {"closing a connection failed"}
    # Nor does one that cannot give way.
    with capture_logs():
        for _ in range(5):
            broken = Broken(is_broken=True)
            broken.deadline = http_connections.NEVER
            assert shared.add(broken, "192.0.2.1")
            shared.mark_idle(broken)


class Slow:
    """Work in a thread that lasts until it is let go, counting how much of it runs at once."""

    def __init__(self) -> None:
        self.lock, self.go = threading.Lock(), threading.Event()
        self.now = self.peak = 0

    def hash(self, password: str) -> str:
        with self.lock:
            self.now += 1
            self.peak = max(self.peak, self.now)
        self.go.wait(PATIENCE)
        with self.lock:
            self.now -= 1
        return password


async def given_up(callers: "list[asyncio.Task[str]]", slow: Slow, minimum: int) -> None:
    """Cancel callers once so many are at work, and give those behind them time to begin."""
    while slow.now < minimum:  # noqa: ASYNC110 - a thread is watched
        await asyncio.sleep(0.001)
    for each in callers:
        each.cancel()
    for _ in range(20):
        await asyncio.sleep(0.005)


async def test_a_hash_that_nobody_waits_for_keeps_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, maximum = Slow(), passwords.MAX_HASHES
    monkeypatch.setattr(passwords, "_hasher", lambda: slow)
    callers, later = (
        [asyncio.create_task(passwords.password_hash(account_id, "x")) for account_id in range(first, first + maximum)]
        for first in (0, maximum)
    )
    await given_up(callers, slow, maximum)
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert slow.now == maximum
    slow.go.set()
    assert await asyncio.gather(*later) == ["x"] * maximum
    assert slow.peak == maximum
    # One that ended may have let both later ones in, before the thread of the other has ended.
    await asyncio.wait(callers)
    assert all(each.cancelled() for each in callers)


async def test_a_long_input_that_nobody_waits_for_keeps_its_place() -> None:
    slow, size = Slow(), long_inputs.MAX_WAITING_BYTES
    first = asyncio.create_task(long_inputs.run_by_size(1, size, slow.hash, "x"))
    await given_up([first], slow, 1)
    with pytest.raises(TimeoutError):
        await long_inputs.run_by_size(1, size, slow.hash, "y")
    slow.go.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await long_inputs.run_by_size(1, size, slow.hash, "z") == "z"
