"""The lock of a data directory: who holds it, and what its holder publishes for other commands."""

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
MAX_ATTEMPTS = 100
RUNNING_FILE = "fanfare.json"

T = TypeVar("T")


class Holder(msgspec.Struct):
    """The holder of a data directory: process, purpose, and since when (ISO 8601, GMT)."""

    pid: int
    purpose: str
    since: str


class Running(msgspec.Struct):
    """The content of DATA_DIR/fanfare.json, written by `fanfare up`: its process, its URL, and its database."""

    pid: int
    url: str | None
    # None for an external database, whose URL may contain a password
    database_url: str | None
    since: str


class DirectoryInUse(CannotRun):
    """Another process holds the data directory."""

    def __init__(self, data_dir: Path, holder: Holder | None) -> None:
        self.holder = holder
        owner = f"{holder.purpose} (pid {holder.pid}) since {holder.since}" if holder else "another process"
        super().__init__(f"{data_dir} is in use by {owner}")


class DirectoryLock:
    """The lock of a data directory. The system releases it when the process ends, however it ends.

    The file exists while it is locked, and after a kill; on release, directories that were created for it are removed
    if empty.
    """

    def __init__(self, data_dir: Path, purpose: str) -> None:
        """Create no file yet; `acquire` creates a missing directory. Others who want the lock see the `purpose`."""
        self.data_dir = data_dir
        self.purpose = purpose
        self.since = datetime.now(UTC).isoformat(timespec="seconds")
        self._lock: int | None = None
        # The directories that were created, outer ones first.
        self._created: list[Path] = []

    def acquire(self) -> None:
        """Take the lock. Raises `DirectoryInUse`, or `CannotRun` if the directory cannot be used."""
        try:
            self._acquire()
        except OSError as error:
            message = f"the data directory {self.data_dir} cannot be used: {error.strerror or error}"
            message += f" ({error.filename})" if error.filename else ""
            raise CannotRun(message) from None

    def _acquire(self) -> None:
        lock, attempts = None, 0
        while lock is None:
            try:
                lock = self._open_locked()
            except FileNotFoundError:
                # Another process has just removed a directory that it had created.
                attempts += 1
                if attempts == MAX_ATTEMPTS:
                    raise
        os.ftruncate(lock, 0)
        os.write(lock, msgspec.json.encode(Holder(os.getpid(), self.purpose, self.since)))
        self._lock = lock
        # A file left by a killed holder would direct commands to a server that is gone.
        (self.data_dir / RUNNING_FILE).unlink(missing_ok=True)

    def _open_locked(self) -> int | None:
        """Open and lock the file; None if another process removed it meanwhile."""
        for folder in (*reversed(self.data_dir.parents), self.data_dir):
            self._make(folder)
        path = self.data_dir / LOCK
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(path, Holder)
            os.close(lock)
            raise DirectoryInUse(self.data_dir, holder) from None
        # The locked file must still be the one at this path.
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
            if folder.is_dir():
                return
            if os.path.lexists(folder) and not folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
            # Removed by another process since: try again.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
        else:
            self._created.append(folder)

    def publish(self, url: str | None, database_url: str | None) -> None:
        """Write DATA_DIR/fanfare.json with mode 0600."""
        facts = Running(os.getpid(), url, database_url, self.since)
        replace(self.data_dir / RUNNING_FILE, msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")

    def release(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            (self.data_dir / RUNNING_FILE).unlink(missing_ok=True)
            (self.data_dir / LOCK).unlink(missing_ok=True)
            # Fails if something was created meanwhile, or if another process is taking the lock.
            with suppress(OSError):
                while self._created:
                    self._created.pop().rmdir()
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        """Take the lock."""
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        self.release()


def running(data_dir: Path) -> Running | None:
    """Return what the holder of the directory has published, or None."""
    holder = _read(data_dir / LOCK, Holder)
    server = _read(data_dir / RUNNING_FILE, Running)
    return server if holder and server and server.pid == holder.pid else None


def replace(path: Path, content: bytes, user: tuple[int, int] | None = None) -> None:
    """Replace a file atomically, with mode 0600 and an optional owner; a symbolic link at the path is not followed."""
    # The directory is locked, so a file with this name was left by a killed process.
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
