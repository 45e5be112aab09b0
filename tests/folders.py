"""Where tests write: in memory where there is room, for the files of one database can cost half a second on a disk."""

import os
from pathlib import Path

import psutil

# A file system in memory, as Linux has it.
MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a private folder there
# Three processes of `make test` write up to 3 GB, and need as much themselves.
ROOM = 8 * 1024**3
# pytest makes its folders, and so each `tmp_path`, below what it names.
VARIABLE = "PYTEST_DEBUG_TEMPROOT"


def has_room(folder: Path) -> bool:
    """Return whether a folder in memory takes the files of tests, and runs the programs among them."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return False
    available = min(facts.f_bavail * facts.f_frsize, psutil.virtual_memory().available)
    return os.access(folder, os.W_OK) and not facts.f_flag & os.ST_NOEXEC and available >= ROOM


def choose() -> None:
    """Let pytest make its folders in memory; who sets the variable has chosen."""
    if VARIABLE not in os.environ and has_room(MEMORY):
        os.environ[VARIABLE] = str(MEMORY)
