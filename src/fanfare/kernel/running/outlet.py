"""Non-blocking output of log lines: a slow reader loses lines, which are counted; repeated lines are written once.

It imports little: the supervisor uses it too, without a thread, since it starts processes.
"""

import json
import os
import select
import socket
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakSet

# The size of the buffer; lines beyond it are dropped.
MAX_BYTES = 256 * 1024
# Seconds in which repetitions of a line are only counted.
WINDOW = 10.0
# Distinct lines within a window; beyond this number, lines of the same event count as repetitions.
MAX_DISTINCT = 500
FLUSH_SECONDS = 2.0
PAUSE = 0.5
PIPE_BUF = getattr(select, "PIPE_BUF", 512)


def line(level: str, event: str, facts: dict[str, object], *, is_readable: bool = False) -> str:
    """Return a log line: JSON, or text for people."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if is_readable:
        return f"{now} [{level:<9}] {event:<30} " + " ".join(f"{name}={value}" for name, value in facts.items())
    return json.dumps({**facts, "event": event, "level": level, "timestamp": now}, default=str)


@dataclass
class Repeats:
    """An event that was written, and how often it was repeated before `ends`."""

    level: str
    event: str
    ends: float
    count: int = 0


class Outlet:
    """Writes lines to an open file without ever blocking."""

    def __init__(self, file: int, on_loss: Callable[[int], object] | None = None, *, has_thread: bool = False) -> None:
        """`on_loss` is called with the number of lines dropped.

        What cannot be written at once is written later by a thread, or else by calls of `write_due`.
        """
        self.file = file
        self.is_readable = os.isatty(file)
        self.on_loss = on_loss
        self.has_thread = has_thread
        self.reset()
        OUTLETS.add(self)

    def reset(self) -> None:
        """Reset all state: in a forked child the buffered lines are the parent's, and so are thread and open file."""
        self._sender: Callable[[bytes], int] | None = None
        self._lock = threading.RLock()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._is_pumping = False
        self._repeats: dict[tuple[str, str, Hashable], Repeats] = {}
        self._thread: threading.Thread | None = None

    def log_event(self, level: str, event: str, **facts: object) -> None:
        """Write an event as a log line, unless it is a repetition."""
        if self.should_write(level, event, str(facts)):
            self.write(line(level, event, facts, is_readable=self.is_readable))

    def should_write(self, level: str, event: str, details: Hashable) -> bool:
        """Return whether to write an event. One that was written recently is counted instead."""
        with self._lock:
            key = (level, event, details)
            if key not in self._repeats and len(self._repeats) >= MAX_DISTINCT:
                key = (level, event, None)
            entry = self._repeats.get(key)
            now = time.monotonic()
            if entry is not None and now < entry.ends:
                entry.count += 1
                self._ensure_thread()
                return False
            self._write_counts(now)
            self._repeats[key] = Repeats(level, event, now + WINDOW)
            return True

    def write(self, text: str) -> None:
        """Write a line, now or when the file accepts it; if the buffer is full the line is dropped and counted."""
        data = text.encode(errors="backslashreplace") + b"\n"
        with self._lock:
            if self._size + len(data) > MAX_BYTES:
                self._drop()
            else:
                self._waiting.append(data)
                self._size += len(data)
            self._pump()
            self._ensure_thread()

    def write_due(self) -> bool:
        """Write what is due and fits; return whether anything is left."""
        with self._lock:
            self._write_counts(time.monotonic())
            self._pump()
            return self._has_more()

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Write buffered lines and counts, for at most `seconds`."""
        end = time.monotonic() + seconds
        with self._lock:
            self._write_counts(float("inf"))
            self._pump()
        while self._waiting and (remaining := end - time.monotonic()) > 0:
            with suppress(OSError, ValueError):
                select.select([], [self.file], [], min(remaining, PAUSE))
            with self._lock:
                self._pump()

    def _write_counts(self, now: float) -> None:
        """End expired windows, and write how often their events were repeated."""
        over = [key for key, each in self._repeats.items() if each.ends <= now]
        for each in [self._repeats.pop(key) for key in over]:
            if each.count:
                facts: dict[str, object] = {"repeated": each.count, "seconds": WINDOW}
                self.write(line(each.level, each.event, facts, is_readable=self.is_readable))

    def _drop(self) -> None:
        self._dropped += 1
        if self.on_loss is not None:
            self.on_loss(1)

    def _pump(self) -> None:
        """Write as much as possible. A finalizer that logs meanwhile, in this thread, only appends to the buffer."""
        if self._is_pumping:
            return
        self._is_pumping = True
        try:
            while self._waiting and self._write_some():
                pass
            if self._dropped and not self._waiting:
                self._write_loss()
        finally:
            self._is_pumping = False

    def _write_some(self) -> bool:
        first = self._waiting.popleft()
        try:
            count = self._send(first)
        except BlockingIOError:
            self._waiting.appendleft(first)
            return False
        except OSError:
            # There is no reader, or the disk is full.
            self._size -= len(first)
            self._drop()
            return True
        self._size -= count
        if count < len(first):
            self._waiting.appendleft(first[count:])
        return True

    def _send(self, text: bytes) -> int:
        # Opened only now: a forked child first closes what it has of its parent.
        if self._sender is None:
            self._sender = _sender(self.file)
        return self._sender(text)

    def _write_loss(self) -> None:
        notice = line("warning", "log lines dropped", {"count": self._dropped}, is_readable=self.is_readable)
        with suppress(OSError):
            self._send(notice.encode() + b"\n")
            self._dropped = 0

    def _has_more(self) -> bool:
        return bool(self._waiting) or any(each.count for each in self._repeats.values())

    def _ensure_thread(self) -> None:
        if self.has_thread and self._thread is None and self._has_more():
            self._thread = threading.Thread(target=self._run_thread, name="log", daemon=True)
            self._thread.start()

    def _run_thread(self) -> None:
        while True:
            with self._lock:
                if not self.write_due():
                    self._thread = None
                    return
                is_stalled = bool(self._waiting)
            if is_stalled:
                with suppress(OSError, ValueError):
                    select.select([], [self.file], [], PAUSE)
            time.sleep(0.01 if is_stalled else PAUSE)


# The outlets of this process; a forked child must reset them.
OUTLETS: WeakSet[Outlet] = WeakSet()


def _reset_all() -> None:
    for outlet in OUTLETS:
        outlet.reset()


os.register_at_fork(after_in_child=_reset_all)


def _sender(file: int) -> Callable[[bytes], int]:
    """Return a function that writes to the file as much as fits, or raises `BlockingIOError`.

    The file may be shared with other programs, so it is not set to non-blocking itself.
    """
    try:
        status = os.fstat(file)
    except OSError:
        return lambda text: os.write(file, text)
    if stat.S_ISSOCK(status.st_mode):
        duplicate = socket.socket(fileno=os.dup(file))
        return lambda text: duplicate.send(text, socket.MSG_DONTWAIT)
    if stat.S_ISREG(status.st_mode) or os.path.samestat(status, Path(os.devnull).stat()):
        return lambda text: os.write(file, text)
    with suppress(OSError):
        if sys.platform == "linux":
            # Opened again, it has its own flags.
            descriptor = os.open(f"/proc/self/fd/{file}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            return lambda text: os.write(descriptor, text)

    def send(text: bytes) -> int:
        if not select.select([], [file], [], 0)[1]:
            raise BlockingIOError
        # A writable pipe accepts at least this much.
        return os.write(file, text[:PIPE_BUF])

    return send
