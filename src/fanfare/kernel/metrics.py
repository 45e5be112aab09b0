"""What Prometheus reads at /metrics: calls by name and status, their durations, and the state of the pool."""

import os
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess, values

# The server process's number. One that takes a dead one's place goes on counting in the same files.
SERVER = "FANFARE_SERVER"
SHARED = "PROMETHEUS_MULTIPROC_DIR"
if SHARED in os.environ and SERVER in os.environ:
    values.ValueClass = values.MultiProcessValue(lambda: os.environ[SERVER])  # type: ignore[no-untyped-call]

CALLS = Counter("fanfare_calls", "Calls answered", ["call", "status"])
SECONDS = Histogram(
    "fanfare_call_seconds",
    "Seconds from the first byte read to the answer made",
    ["call"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ENDED = Counter("fanfare_http_connections_ended", "HTTP connections ended by the server, by reason", ["why"])

LOST_LINES = Counter("fanfare_log_lines_lost", "Lines of the log that were lost because nobody read them in time")


@cache
def _figures(call_id: str, status: int) -> tuple[Counter, Histogram]:
    return CALLS.labels(call_id, status), SECONDS.labels(call_id)


def answered(call_id: str, status: int, seconds: float) -> None:
    """Count one answer."""
    calls, durations = _figures(call_id, status)
    calls.inc()
    durations.observe(seconds)


def http_connection_ended(why: str) -> None:
    """Count a connection that was refused, too slow or in the way."""
    ENDED.labels(why).inc()


def exposition() -> bytes:
    """Return the figures of all server processes where they share a directory, else of this one."""
    if SHARED not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
