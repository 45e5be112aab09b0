"""Time as an argument: each process has one clock, which tests replace."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the current time in GMT, in milliseconds, which is the precision of times on the wire."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def system_random() -> Random:
    """Return the random generator for codes and keys."""
    return secrets.SystemRandom()
