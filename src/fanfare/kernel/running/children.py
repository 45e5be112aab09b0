"""Starts child processes that never outlive this one, however it dies."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

PR_SET_PDEATHSIG = 1
# Waits for the death of this process: `read` returns when the last writer of the pipe is gone.
WATCHER = 'read _; kill -"$1" "$2" 2>/dev/null'


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What to start: a command with its user, directory, environment and inherited files."""

    command: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: Path | str | None = None
    user: tuple[int, int] | None = None
    fds: Sequence[int] = ()
    input: int | IO[bytes] = subprocess.DEVNULL
    output: int | IO[bytes] | None = None
    errors: int | IO[bytes] | None = None
    # the signal that the process gets when this one dies
    death_signal: signal.Signals = signal.SIGTERM


class Running(Protocol):
    """A child process."""

    @property
    def pid(self) -> int:
        """The process id."""

    def poll(self) -> int | None:
        """Return the exit status, that of a signal negative; None while it runs."""

    def send_signal(self, signal_number: signal.Signals) -> None:
        """Send a signal; does nothing if the process has ended."""


@dataclass
class Launched:
    """A started process; on systems without a parent-death signal also its watcher."""

    process: subprocess.Popen[bytes]
    watcher: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        status = self.process.poll()
        if status is not None:
            self._stop_watcher()
        return status

    def wait(self, seconds: float | None) -> int | None:
        """Wait up to `seconds` for the exit; return the exit status, or None if it still runs."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return self.poll()

    def send_signal(self, signal_number: signal.Signals) -> None:
        """Send a signal; does nothing if the process has ended."""
        self.process.send_signal(signal_number)

    def _stop_watcher(self) -> None:
        if self.watcher is not None:
            self.watcher.kill()
            self.watcher.wait()
            if self.watcher.stdin is not None:
                self.watcher.stdin.close()
            self.watcher = None


def launch(spec: Launch, *, watch: bool = sys.platform != "linux") -> Launched:
    """Start a process that gets a signal (`death_signal`) when this process dies.

    Linux sends the signal itself; elsewhere (`watch`) a shell waits on a pipe that only this process holds open. Call
    it from the main thread: Linux takes the thread that started a process for its parent.
    """
    if not watch:
        return Launched(_launch_on_linux(spec))
    process = _popen(spec)
    name = spec.death_signal.name.removeprefix("SIG")
    watcher = subprocess.Popen(  # noqa: S603 - a constant script
        ["/bin/sh", "-c", WATCHER, "watcher", name, str(process.pid)], stdin=subprocess.PIPE, process_group=0
    )
    return Launched(process, watcher)


def _launch_on_linux(spec: Launch) -> "subprocess.Popen[bytes]":
    set_death_signal = death_signal_setter(os.getpid(), spec.death_signal)
    with undisturbed() as blocked:

        def prepare() -> None:
            set_death_signal()
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

        return _popen(spec, prepare)


def _popen(spec: Launch, prepare: Callable[[], None] | None = None) -> "subprocess.Popen[bytes]":
    uid, gid = spec.user or (None, None)
    return subprocess.Popen(  # noqa: S603 - the commands are this program's own
        spec.command,
        env=spec.env,
        cwd=spec.cwd,
        user=uid,
        group=gid,
        extra_groups=None if spec.user is None else [],
        pass_fds=spec.fds,
        stdin=spec.input,
        stdout=spec.output,
        stderr=spec.errors,
        # A group of its own: Ctrl-C reaches only this process, which then stops the others in order.
        process_group=0,
        preexec_fn=prepare,  # noqa: PLW1509 - no threads here
    )


@contextmanager
def undisturbed() -> Iterator[Iterable[signal.Signals | int]]:
    """Let signals wait, and yield those that did before.

    What a handler raises within an import, or in the functions that libraries have called at a fork, could be caught
    there, and the request of the signal be lost.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield blocked
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def death_signal_setter(parent: int, signal_number: signal.Signals) -> Callable[[], None]:
    """Return what a new child calls to get a signal when its parent dies; it ends if the parent has died already."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def set_signal() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
        if os.getppid() != parent:
            # The parent died before the signal was set.
            os._exit(1)

    return set_signal
