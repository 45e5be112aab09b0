"""Forms of dates, times and time zones, and the formats of times in answers."""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fanfare.kernel.errors import BadParameters
from fanfare.kernel.wire.forms import NOTHING, Form, text_of, whole_number
from fanfare.kernel.wire.zones import zone_names, zone_of

EARLIEST, LATEST = 1900, 2200
AHEAD = timedelta(days=1)
# Of YYYY-MM-DD HH:MM:SS, which is read without trying what else a text could be.
USUAL_LENGTH = 19


class DayForm(Form):
    """A date, YYYY-MM-DD or YYYYMMDD; a following time is ignored."""

    nothing = NOTHING
    pattern = re.compile(r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2})(?:[T ][0-9:.+Z-]*)?|([0-9]{2})([0-9]{2}))")

    def __init__(self, earliest: int = EARLIEST, latest: int = LATEST) -> None:
        self.earliest = earliest
        self.latest = latest

    def read(self, raw: object) -> date:
        day = None
        with suppress(ValueError):
            match = self.pattern.fullmatch(whole_number(text_of(raw)).strip())
            day = date(*(int(part) for part in match.groups() if part)) if match else None
        if day is None or not self.earliest <= day.year <= self.latest:
            message = f"must be a date in the form YYYY-MM-DD, from {self.earliest} to {self.latest}"
            raise ValueError(message)
        return day

    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "date"}


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class MomentForm(Form):
    """A time: YYYY-MM-DD HH:MM:SS in GMT, ISO 8601, or Unix seconds.

    Eight digits that form a date are that date. Numbers below `minimum` are rejected: they are too short for Unix
    seconds.
    """

    nothing = NOTHING

    def __init__(self, minimum: int = 100_000_000) -> None:
        self.minimum = minimum

    def read(self, raw: object) -> datetime:
        try:
            moment = self._moment(raw)
        except (ValueError, OverflowError, OSError):
            moment = None
        if moment is None or not EARLIEST <= moment.year <= LATEST:
            message = "must be a timestamp: YYYY-MM-DD HH:MM:SS (GMT), ISO 8601 or Unix seconds"
            raise ValueError(message)
        return moment

    def _moment(self, raw: object) -> datetime | None:
        if isinstance(raw, str) and len(raw) == USUAL_LENGTH and raw[4] == raw[7] == "-":
            with suppress(ValueError):
                return _aware(datetime.fromisoformat(raw))
        text = whole_number(text_of(raw)).strip()
        if re.fullmatch(r"-?[0-9]{1,11}(\.[0-9]{1,9})?", text):
            with suppress(ValueError):
                day = DayForm().read(text)
                return datetime(day.year, day.month, day.day, tzinfo=UTC)
            seconds = float(text)
            return datetime.fromtimestamp(seconds, UTC) if abs(seconds) >= self.minimum else None
        return _aware(datetime.fromisoformat(text))

    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "date-time"}


class BoundForm(Form):
    """A bound of a time window: a date YYYY-MM-DD, meaning that whole day of the account, or a time; see `window`."""

    nothing = NOTHING
    day = DayForm()
    # 0 is a valid start.
    moment = MomentForm(0)
    bare = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}")

    def read(self, raw: object) -> Any:  # noqa: ANN401 - a date or an aware datetime
        text = whole_number(text_of(raw)).strip()
        return (self.day if self.bare.fullmatch(text) else self.moment).read(text)

    def schema(self) -> dict[str, object]:
        return {"anyOf": [self.day.schema(), self.moment.schema()]}


class TimeZoneForm(Form):
    """The name of a time zone in the IANA database."""

    def read(self, raw: object) -> str:
        name = text_of(raw).strip()
        if name not in zone_names():
            message = "must be a time zone such as America/Vancouver"
            raise ValueError(message)
        return name

    def schema(self) -> dict[str, object]:
        return {"type": "string", "maxLength": 64, "examples": ["America/Vancouver", "Europe/London"]}


def unix(moment: datetime) -> int:
    """Return a time as Unix seconds."""
    return math.floor(moment.timestamp())


def iso(moment: datetime) -> str:
    """Return a time as ISO 8601 in GMT, in seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def future_faults(now: datetime, values: Mapping[str, object], *names: str) -> list[tuple[str, str]]:
    """Return errors for those of the named times and dates that are in the future.

    One day of tolerance allows for clocks with a wrong time zone; a clock that was never set says 2099.
    """
    latest = now + AHEAD
    return [
        (name, "is in the future")
        for name in names
        if isinstance(moment := values.get(name), date)
        and moment > (latest if isinstance(moment, datetime) else latest.date())
    ]


def check_past(now: datetime, **moments: object) -> None:
    """Raise BadParameters for times and dates in the future; the keywords are field names."""
    if wrong := future_faults(now, moments, *moments):
        raise BadParameters(wrong)


def day_of(moment: datetime, zone: str) -> date:
    """Return the date of a time in a time zone."""
    return moment.astimezone(zone_of(zone)).date()


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return the start of a date in a time zone and the start of the next one."""
    zone_info = zone_of(zone)
    start = datetime(day.year, day.month, day.day, tzinfo=zone_info)
    next_day = date.fromordinal(day.toordinal() + 1)
    end = datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone_info)
    return start.astimezone(UTC), end.astimezone(UTC)


def window(start: Any, end: Any, zone: str) -> tuple[datetime, datetime]:  # noqa: ANN401 - dates or datetimes
    """Return the start and exclusive end of a window between two bounds; a date means that whole day in the time zone.

    Raises BadParameters if the end is before the start.
    """
    first = start if isinstance(start, datetime) else day_bounds(start, zone)[0]
    last = end if isinstance(end, datetime) else day_bounds(end, zone)[1]
    if last < first or (last == first and not isinstance(end, datetime)):
        raise BadParameters([("end_date", "must not be before start_date")])
    return first, last
