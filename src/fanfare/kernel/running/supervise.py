"""Supervision: restarts processes that end, and stops all of them in order when the operator says so.

It runs as long as the server does, in the process from which the others are forked.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import FrameType

from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.children import Running
from fanfare.kernel.running.outlet import Outlet
from fanfare.kernel.running.scratch import sweep

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# A process that dies is restarted at once; one that keeps dying gets longer delays.
DELAYS = (0.0, 0.5, 1.0, 2.0)
# After running this long, a process counts as healthy again.
HEALTHY_SECONDS = 5.0
TICK = 1.0
INIT = 1
STANDARD_ERROR = 2


class StopRequested(BaseException):
    """A signal asked to stop before the supervisor was running."""


@dataclass
class StopRequest:
    """Whether a signal asked to stop."""

    is_made: bool = False


@dataclass
class Child:
    """A process to keep running. One with `stopped_elsewhere` is only watched: its creator stops it."""

    name: str
    start: Callable[[], Running]
    launched: Running | None = None
    stopped_elsewhere: bool = False
    # seconds to finish its work when stopping
    stop_seconds: float = 15.0
    deaths: int = 0
    started: float = 0.0
    restart_at: float = 0.0


class Supervisor:
    """Keeps processes running until a signal comes."""

    def __init__(
        self,
        processes: Sequence[Child],
        signs: Sequence[tuple[int, Callable[[], None]]] = (),
        tick: Callable[[], None] | None = None,
    ) -> None:
        """`signs` are pipes, each with a function to call when one of the processes first writes to it.

        `tick` is called about once per second.
        """
        self.processes = list(processes)
        self.signs = dict(signs)
        self.tick = tick
        self._stop_signals = 0

    def run(self, request: StopRequest | None = None) -> None:
        """Start the processes and keep them running; stop on a signal, or if a `request` came before."""
        with self._woken_by_signals() as wakeups:
            self._stop_signals += request is not None and request.is_made
            try:
                while self._stop_signals == 0:
                    outlet().write_due()
                    if self.tick is not None:
                        self.tick()
                    for each in self.processes:
                        self._supervise(each)
                    if os.getpid() == INIT:
                        _reap_orphans({each.launched.pid for each in self.processes if each.launched})
                    self._wait(wakeups)
            finally:
                self._stop(wakeups)

    def _supervise(self, process: Child) -> None:
        now = time.monotonic()
        if process.launched is not None:
            status = process.launched.poll()
            if status is None:
                return
            if process.started and now - process.started > HEALTHY_SECONDS:
                process.deaths = 0
            process.restart_at = now + DELAYS[min(process.deaths, len(DELAYS) - 1)]
            process.deaths += 1
            log_event("ended", process=process.name, status=status, again_in=process.restart_at - now)
            process.launched = None
            sweep()
        if now < process.restart_at:
            return
        try:
            process.launched = process.start()
            process.started = time.monotonic()
        except (CannotRun, OSError) as error:
            process.restart_at = now + DELAYS[-1]
            log_event("cannot start", process=process.name, reason=str(error))

    def _wait(self, wakeups: int) -> None:
        """Sleep until a signal, a sign of a process, or the end of a delay."""
        now = time.monotonic()
        pauses = [each.restart_at - now for each in self.processes if each.launched is None]
        readable, _, _ = select.select([wakeups, *self.signs], [], [], max(0.0, min([TICK, *pauses])))
        if wakeups in readable:
            os.read(wakeups, 4096)
        for pipe in self.signs.keys() & readable:
            os.close(pipe)
            self.signs.pop(pipe)()

    def _stop(self, wakeups: int) -> None:
        children = [each for each in self.processes if each.launched is not None and not each.stopped_elsewhere]
        for each in children:
            _launched(each).send_signal(signal.SIGTERM)
        stop_signals_before = self._stop_signals
        end = time.monotonic() + max((each.stop_seconds for each in children), default=0.0)
        while any(_launched(each).poll() is None for each in children):
            # A second signal means at once.
            if time.monotonic() > end or self._stop_signals > max(stop_signals_before, 1):
                for each in children:
                    _launched(each).send_signal(signal.SIGKILL)
            select.select([wakeups], [], [], 0.05)

    @contextmanager
    def _woken_by_signals(self) -> Iterator[int]:
        """Yield a file descriptor that becomes readable on a signal; signals to stop are counted."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)  # noqa: FBT003 - socket's signature
        writer.setblocking(False)  # noqa: FBT003 - socket's signature
        handlers = {number: signal.signal(number, self._count) for number in STOP_SIGNALS}
        handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _ignore)
        old = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield reader.fileno()
        finally:
            signal.set_wakeup_fd(old)
            for number, handler in handlers.items():
                # While stopping, further signals do not interrupt the cleanup.
                signal.signal(number, signal.SIG_IGN if self._stop_signals and number in STOP_SIGNALS else handler)
            reader.close()
            writer.close()

    def _count(self, _: int, __: FrameType | None) -> None:
        self._stop_signals += 1


@contextmanager
def stoppable() -> Iterator[StopRequest]:
    """Raise `StopRequested` on the first signal to stop; ignore further ones, which would interrupt the cleanup.

    Yields what remembers the request: Python drops what is raised in a finalizer, and the supervisor stops then.
    """
    request = StopRequest()

    def raise_stop(_: int, __: FrameType | None) -> None:
        request.is_made = True
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise StopRequested

    handlers = {number: signal.signal(number, raise_stop) for number in STOP_SIGNALS}
    try:
        yield request
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@cache
def outlet() -> Outlet:
    """Return the output of this process's log. It has no thread, because this process starts others."""
    return Outlet(STANDARD_ERROR)


def log_event(event: str, **facts: object) -> None:
    """Write a log line in the format of the other processes, without importing their library."""
    outlet().log_event("warning", event, **facts)


def _launched(process: Child) -> Running:
    if process.launched is None:
        raise AssertionError(process.name)
    return process.launched


def _ignore(_: int, __: FrameType | None) -> None:
    """Do nothing: a handler must exist for the signal to end a `select`."""


def _reap_orphans(pids: set[int]) -> None:
    """Reap orphans when running as the first process of a container; otherwise they remain zombies."""
    while True:
        try:
            status = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if status is None or status.si_pid in pids:
            return
        os.waitpid(status.si_pid, os.WNOHANG)
