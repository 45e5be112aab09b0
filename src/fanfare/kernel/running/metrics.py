"""Prometheus metrics of a process: calls by name and status, their durations, closed connections, lost log lines."""

import asyncio
import os
from bisect import bisect_left
from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess, values
from prometheus_client.core import GaugeMetricFamily

from fanfare.kernel.running.handovers import SERVER, SHARED

# A file of this size has room for the metrics of all calls.
FILE_BYTES = 2 * 1024 * 1024
FILES = ("counter", "histogram")
COUNT_SECONDS = 0.5


def _allocate_files(directory: Path, server: str) -> None:
    """Allocate the memory-mapped files: writing to a sparse one kills the process when the disk is full."""
    for kind in FILES:
        with (directory / f"{kind}_{server}.db").open("ab") as file:
            file.write(bytes(max(0, FILE_BYTES - file.tell())))


# In memory until `share` is called; the library would take a file for each process that imports it.
values.ValueClass = values.MutexValue
# Upper bounds in seconds.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CALLS = Counter("fanfare_calls", "Calls answered", ["call", "status"])
SECONDS = Histogram(
    "fanfare_call_seconds",
    "Seconds from the first byte of the request to the response",
    ["call"],
    buckets=BUCKETS,
)
ENDED = Counter("fanfare_http_connections_ended", "HTTP connections closed by the server, by reason", ["why"])

LOST_LINES = Counter("fanfare_log_lines_lost", "Log lines dropped because the reader was too slow")


def share() -> None:
    """Count in the files that several servers share, if there are several; call it before anything is counted.

    Not done by importing this module: a server is forked from a process that is none, and has imported it.
    """
    if SHARED in os.environ and SERVER in os.environ:
        _allocate_files(Path(os.environ[SHARED]), os.environ[SERVER])
        values.ValueClass = values.MultiProcessValue(lambda: os.environ[SERVER])  # type: ignore[no-untyped-call]
        # The only figure without labels, which has its value from the start.
        LOST_LINES._metric_init()  # noqa: SLF001 - as if it were made only now


@cache
def _figures(call_id: str, status: int) -> tuple[Counter, Histogram]:
    return CALLS.labels(call_id, status), SECONDS.labels(call_id)


# Seconds of responses that are not counted yet, by call and status.
_answers: defaultdict[tuple[str, int], list[float]] = defaultdict(list)


def count_answer(call_id: str, status: int, seconds: float) -> None:
    """Count one response, within half a second: counting takes longer than noting. Runs in the event loop."""
    if not _answers:
        asyncio.get_running_loop().call_later(COUNT_SECONDS, count_answers)
    _answers[call_id, status].append(seconds)


def count_answers() -> None:
    """Count the responses that were noted."""
    answers = dict(_answers)
    _answers.clear()
    for place, durations in answers.items():
        calls, histogram = _figures(*place)
        calls.inc(len(durations))
        # As `observe` does for each; the bounds end with infinity.
        for bucket, count in Counts(bisect_left(BUCKETS, seconds) for seconds in durations).items():
            histogram._buckets[bucket].inc(count)  # noqa: SLF001 - there is no public way to add several
        histogram._sum.inc(sum(durations))  # noqa: SLF001 - as above


def http_connection_ended(reason: str) -> None:
    """Count a connection that was refused, timed out or was closed to make room."""
    ENDED.labels(reason).inc()


def exposition() -> bytes:
    """Return the metrics of all server processes if they share a directory, else of this one."""
    count_answers()
    if SHARED not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class Gauges:
    """A collector of gauges by one label."""

    def __init__(self, family: GaugeMetricFamily) -> None:
        self.family = family

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        yield self.family


def gauges(name: str, documentation: str, label: str, figures: Mapping[str, float]) -> bytes:
    """Return gauges that no process counts itself, in the format of `exposition`."""
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for value, figure in figures.items():
        family.add_metric([value], figure)
    registry = CollectorRegistry()
    registry.register(Gauges(family))
    return generate_latest(registry)
