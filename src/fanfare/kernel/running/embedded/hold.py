"""One data directory, one owner: the lock, who holds it, and what the holder tells the other commands."""

import errno
import fcntl
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from fanfare.kernel.errors import CannotRun

LOCK = "lock"
TRIES = 100
FACTS = "fanfare.json"

T = TypeVar("T")


class Holder(msgspec.Struct):
    """Who holds a data directory: the process, what it does, and since when (ISO 8601, GMT)."""

    pid: int
    purpose: str
    since: str


class Running(msgspec.Struct):
    """What `fanfare up` writes to DATA_DIR/fanfare.json: its process, its address, and the embedded database."""

    pid: int
    url: str | None
    # None when the database is an outside one: its address may hold a password
    database_url: str | None
    since: str


class AlreadyHeld(CannotRun):
    """Another process holds the data directory."""

    def __init__(self, data_dir: Path, holder: Holder | None) -> None:
        """Take who holds it, when the lock says so."""
        self.holder = holder
        owner = f"{holder.purpose} (pid {holder.pid}) since {holder.since}" if holder else "another process"
        super().__init__(f"{data_dir} is in use by {owner}")


class Hold:
    """The lock of a data directory. The system frees it when the process ends, however it ends.

    The file is there while it is locked, and after a kill; released, nothing stays of a directory with nothing in it.
    """

    def __init__(self, data_dir: Path, purpose: str) -> None:
        """Take the directory, made when it is missing, and what it is held for."""
        self.data_dir = data_dir
        self.purpose = purpose
        self.since = datetime.now(UTC).isoformat(timespec="seconds")
        self._lock: int | None = None
        # The folders that were made for it, the outer ones first.
        self._files: list[Path] = []

    def take(self) -> None:
        """Take the lock or raise `AlreadyHeld`, or `CannotRun` for what is no directory to write to."""
        try:
            self._take()
        except OSError as error:
            message = f"the data directory {self.data_dir} cannot be used: {error.strerror or error}"
            message += f" ({error.filename})" if error.filename else ""
            raise CannotRun(message) from None

    def _take(self) -> None:
        lock, tries = None, 0
        while lock is None:
            try:
                lock = self._locked()
            except FileNotFoundError:
                # Another has just removed a folder that it had made.
                tries += 1
                if tries == TRIES:
                    raise
        os.ftruncate(lock, 0)
        os.write(lock, msgspec.json.encode(Holder(os.getpid(), self.purpose, self.since)))
        self._lock = lock
        # What a killed holder left would send commands to a server that is gone.
        (self.data_dir / FACTS).unlink(missing_ok=True)

    def _locked(self) -> int | None:
        """Open and lock the file; None when another has removed it meanwhile."""
        for folder in (*reversed(self.data_dir.parents), self.data_dir):
            self._make(folder)
        path = self.data_dir / LOCK
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(path, Holder)
            os.close(lock)
            raise AlreadyHeld(self.data_dir, holder) from None
        # What is locked must be what others find.
        if path.exists() and path.stat().st_ino == os.fstat(lock).st_ino:
            return lock
        os.close(lock)
        return None

    def _make(self, folder: Path) -> None:
        if folder.is_dir():
            return
        try:
            folder.mkdir(mode=0o700 if folder == self.data_dir else 0o777)
        except FileExistsError:
            if not folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        else:
            self._files.append(folder)

    def publish(self, url: str | None, database_url: str | None) -> None:
        """Write DATA_DIR/fanfare.json, readable by the owner alone."""
        facts = Running(os.getpid(), url, database_url, self.since)
        replace(self.data_dir / FACTS, msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")

    def release(self) -> None:
        """Give the directory back."""
        if self._lock is not None:
            (self.data_dir / FACTS).unlink(missing_ok=True)
            (self.data_dir / LOCK).unlink(missing_ok=True)
            # Not where something was made meanwhile, or another is taking it by now.
            with suppress(OSError):
                while self._files:
                    self._files.pop().rmdir()
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        """Take the lock."""
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        """Release it."""
        self.release()


def running(data_dir: Path) -> Running | None:
    """Return what the process that holds the directory has published, or None."""
    holder = _read(data_dir / LOCK, Holder)
    server = _read(data_dir / FACTS, Running)
    return server if holder and server and server.pid == holder.pid else None


def replace(path: Path, content: bytes, user: tuple[int, int] | None = None) -> None:
    """Put a whole new file in a name's place, mode 0600, for a user; a link that lies there is not followed."""
    # Whoever holds the directory is alone; what a killed one left under this name is replaced too.
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.write(file, content)
        if user is not None:
            os.fchown(file, *user)
    finally:
        os.close(file)
    temporary.replace(path)


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None
