"""Temporary directories outside the data directory, for sockets and unpacked files; those of dead processes are swept.

The owner holds a lock in its directory, which the system releases when the process ends, however it ends.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

from fanfare.kernel.errors import CannotRun

PREFIX = "fanfare-"
LOCK = "lock"
# The path of a socket may have 107 bytes on Linux and 103 on macOS.
SOCKET_BYTES = 103


class Scratch:
    """A temporary directory of this process."""

    def __init__(self, socket_name: str = "", *, is_allowed: Callable[[Path], bool] = Path.is_dir) -> None:
        """Create the directory, in which the path of a socket `socket_name` must fit; remove those of dead processes.

        Raises `CannotRun` if there is no such place.
        """
        sweep()
        for place in places():
            is_short = not socket_name or len(os.fsencode(place / f"{PREFIX}12345678" / socket_name)) <= SOCKET_BYTES
            if is_short and is_allowed(place):
                with suppress(OSError):
                    self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
                    self._lock = _create_lock(self.path)
                    return
        message = f"cannot create temporary files in {' or '.join(map(str, places()))}: set TMPDIR to a short path"
        raise CannotRun(message)

    def remove(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def __enter__(self) -> Self:
        """Return this directory."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the directory."""
        self.remove()


def places() -> list[Path]:
    """Return the directories for temporary files."""
    with suppress(OSError):
        return list(dict.fromkeys((Path(tempfile.gettempdir()).resolve(), Path("/tmp").resolve())))  # noqa: S108 - mkdtemp
    return []


def sweep() -> None:
    """Remove the directories of dead processes."""
    for folder in _folders():
        with suppress(OSError):
            # A directory without a lock is still being created, or not ours.
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _folders() -> Iterator[Path]:
    for place in places():
        with suppress(OSError):
            yield from [path for path in place.glob(f"{PREFIX}*") if path.is_dir() and not path.is_symlink()]


def _create_lock(folder: Path) -> int:
    """Return the open lock of a directory; the file is renamed into place only when it is locked."""
    temporary = folder / f"{LOCK}.new"
    lock = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    temporary.rename(folder / LOCK)
    return lock
