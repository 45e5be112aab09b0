"""CPU time as a ratio to a fixed piece of work, measured beside it: a slow or busy machine slows both."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

# A loop of so many steps takes about 25 ms of CPU time.
STEPS = 800_000
MILLISECONDS = 25
# No input blocks the event loop for longer: docs/architecture.md promises it.
LOOP_MILLISECONDS = 20
# What one line of Python may take of that, since the rest of a turn of the loop comes on top.
LINE_MILLISECONDS = 15


def cpu_seconds(work: Callable[..., Any], *arguments: object) -> float:
    """Return the CPU time of one call, in this thread alone."""
    started = time.thread_time()
    work(*arguments)
    return time.thread_time() - started


def yardstick_seconds() -> float:
    """Return the CPU time of the fixed piece of work, now."""
    return cpu_seconds(_fixed_work)


def _fixed_work() -> None:
    total = 0
    for number in range(STEPS):
        total += number * number


def takes_longer(milliseconds: float, seconds_of: Callable[[], float]) -> bool:
    """Whether ten results of `seconds_of` all are more than so many milliseconds on a machine of the usual speed.

    The least counts, because a garbage collection or a cold cache only adds.
    """
    return all(_is_longer(milliseconds, seconds_of) for _ in range(10))


def _is_longer(milliseconds: float, seconds_of: Callable[[], float]) -> bool:
    before = yardstick_seconds()
    return seconds_of() / max(before, yardstick_seconds()) > milliseconds / MILLISECONDS


def loop_ratio(seconds: float, yardstick: float) -> float:
    """Return how CPU time relates to what may block the loop; `yardstick` was measured beside it."""
    return seconds / yardstick * MILLISECONDS / LOOP_MILLISECONDS


def longest_line(work: Callable[[], Any]) -> float:
    """Return the longest CPU time in seconds between two lines of Python: so long no other thread can run.

    A ValueError of the work is ignored.
    """
    clock = time.thread_time
    longest, previous = 0.0, clock()

    def trace(*_: object) -> Callable[..., Any]:
        # One look at the clock for each line: what is done here is a part of the next, and microseconds.
        nonlocal longest, previous
        now = clock()
        if now - previous > longest:  # noqa: PLR1730 - a call for each line takes longer than the rest
            longest = now - previous
        previous = now
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(ValueError):
            work()
        trace()
    finally:
        sys.settrace(old)
    return longest
