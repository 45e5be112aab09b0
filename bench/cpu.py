"""CPU time of processes: on a busy machine it says more than the clock does."""

import os
from pathlib import Path

import psutil


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process and those that it started have used."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


def postgres_pid(data_dir: Path) -> int:
    """Return the process of an embedded PostgreSQL."""
    (path,) = data_dir.rglob("postmaster.pid")
    return int(path.read_text().splitlines()[0])


def server_pid() -> int:
    """Return the server process that this one started."""
    return next(each.pid for each in psutil.Process(os.getpid()).children() if "serve" in each.cmdline())
