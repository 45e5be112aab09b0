"""Rules of time zones: those of the package that the lock file names, the same on every machine.

An operating system's own rules can be years older than PostgreSQL's, and then a day ends for Python an hour later than
for SQL.
"""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones, reset_tzpath

reset_tzpath(())
ZoneInfo.clear_cache()


def zone_of(name: str) -> ZoneInfo:
    """Return the rules of a time zone; raises KeyError if there is none of that name."""
    return ZoneInfo(name)


@cache
def zone_names() -> frozenset[str]:
    """Return the names of the time zones; cached, since listing them reads the whole package."""
    # `Factory` stands for a clock that nobody has set.
    return frozenset(available_timezones() - {"Factory"})
