"""Time as an argument: the process has one clock, and a test can set it."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the present moment, in GMT, to the millisecond: what the wire's time keys can tell apart."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def system_chance() -> Random:
    """Return the source of chance that codes and keys are drawn from."""
    return secrets.SystemRandom()
