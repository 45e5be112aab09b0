"""Refuses time zones that PostgreSQL does not have: its rules can be older or fewer than those of this program."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from fanfare.kernel.errors import BadParameters


@contextmanager
def refuse_missing_zone(field: str = "time_zone") -> Iterator[None]:
    """Raise BadParameters (422) with the field if a statement inside evaluates a time zone that PostgreSQL lacks."""
    try:
        yield
    except asyncpg.InvalidParameterValueError:
        raise BadParameters([(field, "is missing in the PostgreSQL of this server")]) from None
