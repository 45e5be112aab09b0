"""CPU time of processes: on a busy machine it says more than the clock does.

A Meter is made before the calls, and asked for the cost of each of them after: "server 182 µs, PostgreSQL 240 µs a
call; others 0.4 cores".
"""

import os
import resource
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

# Seconds of CPU in half a second that the machine takes at rest.
REST = 0.1


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process and those that it started have used."""
    process = psutil.Process(pid)
    used = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            # It ended between the list and the question: its parent has its time from then on.
            continue
        used += times.user + times.system + times.children_user + times.children_system
    return used


def own_seconds() -> float:
    """Return the CPU seconds of this process and of the programs that it ran and that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in usages)


def machine_seconds() -> float:
    """Return the CPU seconds that all processes of the machine have used."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq


def wait_for_rest(patience: float) -> None:
    """Wait until hardly any process of the machine works: what a run began may go on after it.

    Says so if the machine has no rest within so many seconds.
    """
    end = time.monotonic() + patience
    while time.monotonic() < end:
        before = machine_seconds()
        time.sleep(0.5)
        if machine_seconds() - before < REST:
            return
    if patience:
        print(f"other programs worked all of {patience:.0f} seconds")


class Cost(NamedTuple):
    """Microseconds of CPU of a call in the server and in PostgreSQL, and the cores that other programs took."""

    server: float
    postgres: float
    others: float

    def __str__(self) -> str:
        """Return the three as a line of a table."""
        server = f"server {self.server:.0f} µs, " if self.server else ""
        return f"{server}PostgreSQL {self.postgres:.0f} µs a call; others {max(self.others, 0):.1f} cores"


class Meter:
    """Measures what calls cost, from now on; servers are left out for statements that need none."""

    def __init__(self, postgres: int, *servers: int) -> None:
        """Start with the process ids of PostgreSQL and of the servers, whose time is added up."""
        self._postgres = postgres
        self._servers = servers
        self._start = self._readings()

    def _readings(self) -> tuple[float, float, float, float]:
        server = sum(map(cpu_seconds, self._servers))
        postgres = cpu_seconds(self._postgres)
        others = machine_seconds() - server - postgres - own_seconds()
        return server, postgres, others, time.perf_counter()

    def cost(self, calls: float) -> Cost:
        """Return the cost of each of so many calls, or rows, since the start."""
        pairs = zip(self._readings(), self._start, strict=True)
        server, postgres, others, seconds = (now - then for now, then in pairs)
        return Cost(server / calls * 1e6, postgres / calls * 1e6, others / seconds)


def median(costs: Sequence[Cost]) -> Cost:
    """Return the medians of several measurements."""
    return Cost(*(statistics.median(each) for each in zip(*costs, strict=True)))


def postgres_pid(data_dir: Path) -> int:
    """Return the process of an embedded PostgreSQL."""
    (path,) = data_dir.rglob("postmaster.pid")
    return int(path.read_text().splitlines()[0])


def server_pid() -> int:
    """Return the server process that this one started."""
    return next(each.pid for each in psutil.Process(os.getpid()).children() if "serve" in each.cmdline())
