"""How long a piece of work holds the interpreter: the longest CPU time between two lines of Python.

Between two lines the loop may take the interpreter back; CPU time does not depend on what else runs.
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fanfare.kernel.errors import TooLarge


def longest_hold(work: Callable[[], object]) -> float:
    """Return the seconds; a refusal of the input ends the work as well."""
    longest, previous = 0.0, time.thread_time()

    def trace(*_: object) -> Callable[..., Any]:
        nonlocal longest, previous
        now = time.thread_time()
        longest, previous = max(longest, now - previous), time.thread_time()
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(ValueError, TooLarge):
            work()
        trace()
    finally:
        sys.settrace(old)
    return longest
