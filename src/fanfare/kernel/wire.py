"""The odd formats of the wire as types: parsed here once, plain Python below.

A field of a parameter struct is annotated with one of the names at the end of this file. Each carries a Form, which
reads what came in (text from a query or form, any JSON value from a body) and describes itself for the API document.
A Form refuses with a ValueError whose text is told to the caller.
"""

import ipaddress
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import msgspec

MAX_ID = 2**63 - 1
FLAGS = {
    **dict.fromkeys(("true", "on", "1", "yes", "t", "y"), True),
    **dict.fromkeys(("false", "off", "0", "no", "f", "n"), False),
}
NOTHING = frozenset({"", "none", "null"})
EARLIEST, LATEST = 1900, 2200


class Form:
    """Reads one kind of value; `nothing` are the texts that mean that no value was given."""

    nothing: frozenset[str] = frozenset({""})

    def read(self, raw: object) -> Any:  # noqa: ANN401 - each Form has its own result
        """Return the value, or raise ValueError with what is wrong."""
        raise NotImplementedError

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema of the value as it travels."""
        raise NotImplementedError


def text_of(raw: object) -> str:
    """Return a scalar as text: clients send numbers where text is meant."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float):
        return str(raw)
    message = "must be a text"
    raise ValueError(message)


class TextForm(Form):
    """A text of at most `longest` characters, without surrounding blanks."""

    def __init__(self, longest: int = 255, pattern: str | None = None, hint: str = "") -> None:
        self.longest = longest
        self.pattern = re.compile(pattern) if pattern else None
        self.hint = hint

    def read(self, raw: object) -> str:
        text = text_of(raw).strip()
        if len(text) > self.longest:
            message = f"must be at most {self.longest} characters"
            raise ValueError(message)
        if self.pattern and not self.pattern.fullmatch(text):
            raise ValueError(self.hint)
        return text

    def schema(self) -> dict[str, object]:
        told: dict[str, object] = {"type": "string", "maxLength": self.longest}
        if self.pattern:
            told["pattern"] = f"^(?:{self.pattern.pattern})$"
        return told


class ChoiceForm(Form):
    """One of some words, in any case."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.by_lower = {word.lower(): word for word in words}

    def read(self, raw: object) -> str:
        word = self.by_lower.get(text_of(raw).strip().lower())
        if word is None:
            message = f"must be one of {', '.join(self.words)}"
            raise ValueError(message)
        return word

    def schema(self) -> dict[str, object]:
        return {"type": "string", "enum": list(self.words)}


class FlagForm(Form):
    """true/false, on/off, 1/0 or yes/no."""

    nothing = NOTHING

    def read(self, raw: object) -> bool:
        if isinstance(raw, bool):
            return raw
        flag = FLAGS.get(text_of(raw).strip().lower())
        if flag is None:
            message = "must be true or false (also on/off, 1/0, yes/no)"
            raise ValueError(message)
        return flag

    def schema(self) -> dict[str, object]:
        return {"type": "boolean"}


class WholeForm(Form):
    """A whole number between two bounds."""

    nothing = NOTHING

    def __init__(self, least: int = -MAX_ID, most: int = MAX_ID) -> None:
        self.least = least
        self.most = most

    def read(self, raw: object) -> int:
        if isinstance(raw, int) and not isinstance(raw, bool):
            number = raw
        elif isinstance(raw, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,19}\s*", raw):
            number = int(raw)
        elif isinstance(raw, float) and raw.is_integer():
            number = int(raw)
        else:
            message = "must be a whole number"
            raise ValueError(message)
        if not self.least <= number <= self.most:
            message = f"must be between {self.least} and {self.most}"
            raise ValueError(message)
        return number

    def schema(self) -> dict[str, object]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class NumberForm(Form):
    """A finite number between two bounds."""

    nothing = NOTHING

    def __init__(self, least: float, most: float) -> None:
        self.least = least
        self.most = most

    def read(self, raw: object) -> float:
        try:
            number = float(text_of(raw)) if not isinstance(raw, bool) else math.nan
        except (ValueError, OverflowError):
            number = math.nan
        if not self.least <= number <= self.most:
            message = f"must be a number between {self.least:g} and {self.most:g}"
            raise ValueError(message)
        return number

    def schema(self) -> dict[str, object]:
        return {"type": "number", "minimum": self.least, "maximum": self.most}


class MoneyForm(Form):
    """An amount with at most four decimals, without a currency."""

    nothing = NOTHING
    most = Decimal(10) ** 12

    def read(self, raw: object) -> Decimal:
        try:
            amount = Decimal(text_of(raw).strip()) if not isinstance(raw, bool) else Decimal("nan")
        except InvalidOperation:
            amount = Decimal("nan")
        if not amount.is_finite() or abs(amount) >= self.most:
            message = "must be an amount such as 12.50"
            raise ValueError(message)
        if amount != round(amount, 4):
            message = "must have at most four decimals"
            raise ValueError(message)
        return round(amount, 4)

    def schema(self) -> dict[str, object]:
        most = float(self.most) - 1
        return {"type": "number", "minimum": -most, "maximum": most, "multipleOf": 0.01}


class DayForm(Form):
    """A calendar day, YYYY-MM-DD; a time behind it is ignored."""

    nothing = NOTHING
    pattern = re.compile(r"\s*([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ][0-9:.+Z-]*)?\s*")

    def __init__(self, earliest: int = EARLIEST, latest: int = LATEST) -> None:
        self.earliest = earliest
        self.latest = latest

    def read(self, raw: object) -> date:
        found = self.pattern.fullmatch(raw) if isinstance(raw, str) else None
        try:
            day = date(int(found[1]), int(found[2]), int(found[3])) if found else None
        except ValueError:
            day = None
        if day is None or not self.earliest <= day.year <= self.latest:
            message = f"must be a day written YYYY-MM-DD, from {self.earliest} to {self.latest}"
            raise ValueError(message)
        return day

    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "date"}


class MomentForm(Form):
    """A moment: YYYY-MM-DD HH:MM:SS in GMT, ISO 8601, or unix seconds."""

    nothing = NOTHING

    def read(self, raw: object) -> datetime:
        try:
            moment = self._moment(raw)
        except (ValueError, OverflowError, OSError):
            moment = None
        if moment is None or not EARLIEST <= moment.year <= LATEST:
            message = "must be a moment written YYYY-MM-DD HH:MM:SS (GMT), in ISO 8601 or in unix seconds"
            raise ValueError(message)
        return moment

    def _moment(self, raw: object) -> datetime:
        text = text_of(raw).strip()
        if re.fullmatch(r"-?[0-9]{1,11}(\.[0-9]{1,9})?", text):
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "date-time"}


class UuidForm(Form):
    """A UUID."""

    nothing = NOTHING

    def read(self, raw: object) -> uuid.UUID:
        try:
            return uuid.UUID(text_of(raw).strip())
        except ValueError:
            message = "must be a UUID"
            raise ValueError(message) from None

    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "uuid"}


class AddressForm(Form):
    """An address of the internet, version 4 or 6."""

    def read(self, raw: object) -> str:
        try:
            return str(ipaddress.ip_address(text_of(raw).strip().split("%")[0]))
        except ValueError:
            message = "must be an IPv4 or IPv6 address"
            raise ValueError(message) from None

    def schema(self) -> dict[str, object]:
        return {"type": "string", "maxLength": 64}


class AddressRangeForm(Form):
    """An address or a range in CIDR notation; bits behind the prefix are cleared."""

    def read(self, raw: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        try:
            return ipaddress.ip_network(text_of(raw).strip().split("%")[0], strict=False)
        except ValueError:
            message = "must be an IPv4 or IPv6 address or a range such as 192.0.2.0/24"
            raise ValueError(message) from None

    def schema(self) -> dict[str, object]:
        return {"type": "string", "maxLength": 64}


class TimeZoneForm(Form):
    """The name of a time zone in the IANA database."""

    def read(self, raw: object) -> str:
        name = text_of(raw).strip()
        if name not in available_timezones():
            message = "must be a time zone such as America/Vancouver"
            raise ValueError(message)
        return name

    def schema(self) -> dict[str, object]:
        return {"type": "string", "maxLength": 64}


class ListForm(Form):
    """Several values: a repeated name, name[], a comma list, or a JSON array."""

    def __init__(self, each: Form, most: int = 1000) -> None:
        self.each = each
        self.most = most

    def read(self, raw: object) -> list[Any]:
        items = [item for item in self._items(raw) if not (isinstance(item, str) and not item.strip())]
        if len(items) > self.most:
            message = f"must have at most {self.most} entries"
            raise ValueError(message)
        return [self.each.read(item) for item in items]

    def _items(self, raw: object) -> Sequence[object]:
        if isinstance(raw, list):
            if len(raw) == 1 and isinstance(raw[0], str):
                return self._items(raw[0])
            return raw
        if isinstance(raw, str):
            if raw.lstrip().startswith("["):
                try:
                    decoded = msgspec.json.decode(raw.encode())
                except (msgspec.DecodeError, UnicodeEncodeError):
                    message = "is not a readable JSON array"
                    raise ValueError(message) from None
                return decoded if isinstance(decoded, list) else [decoded]
            return raw.split(",")
        return [raw]

    def schema(self) -> dict[str, object]:
        return {"type": "array", "items": self.each.schema(), "maxItems": self.most}


class JsonForm(Form):
    """Any JSON object; as text it is decoded first."""

    def read(self, raw: object) -> dict[str, Any]:
        value = raw
        if isinstance(raw, str):
            try:
                value = msgspec.json.decode(raw.encode())
            except (msgspec.DecodeError, UnicodeEncodeError):
                value = None
        if not isinstance(value, dict):
            message = "must be a JSON object"
            raise ValueError(message)
        return value

    def schema(self) -> dict[str, object]:
        return {"type": "object", "additionalProperties": True}


class AnyForm(Form):
    """Any JSON value, kept as it came."""

    def read(self, raw: object) -> object:
        return raw

    def schema(self) -> dict[str, object]:
        return {}


class Wildcard:
    """Marks a field that gathers every parameter whose name begins with `prefix`, by the part behind it."""

    def __init__(self, prefix: str, each: Form) -> None:
        """Take the prefix, such as `field_`, and the Form of each value."""
        self.prefix = prefix
        self.each = each


class Alias:
    """Marks a further spelling under which a field may arrive, or `only` one that replaces its Python name."""

    def __init__(self, name: str, *, only: bool = False) -> None:
        """Take the spelling."""
        self.name = name
        self.only = only


Text = Annotated[str, TextForm()]
LongText = Annotated[str, TextForm(10_000)]
Flag = Annotated[bool, FlagForm()]
Id = Annotated[int, WholeForm(0)]
Whole = Annotated[int, WholeForm()]
Latitude = Annotated[float, NumberForm(-90, 90)]
Longitude = Annotated[float, NumberForm(-180, 180)]
Money = Annotated[Decimal, MoneyForm()]
Day = Annotated[date, DayForm()]
Moment = Annotated[datetime, MomentForm()]
Uuid = Annotated[uuid.UUID, UuidForm()]
Address = Annotated[str, AddressForm()]
AddressRange = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, AddressRangeForm()]
TimeZone = Annotated[str, TimeZoneForm()]
Texts = Annotated[list[str], ListForm(TextForm())]
Ids = Annotated[list[int], ListForm(WholeForm(0))]
Uuids = Annotated[list[uuid.UUID], ListForm(UuidForm())]
JsonObject = Annotated[dict[str, Any], JsonForm()]


def unix(moment: datetime) -> int:
    """Return a moment as unix seconds."""
    return int(moment.timestamp())


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 in GMT, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return the first moment of a day in a zone and the first moment of the day after it."""
    zone_info = ZoneInfo(zone)
    start = datetime(day.year, day.month, day.day, tzinfo=zone_info)
    after = date.fromordinal(day.toordinal() + 1)
    end = datetime(after.year, after.month, after.day, tzinfo=zone_info)
    return start.astimezone(UTC), end.astimezone(UTC)


def spoiled(value: object, depth: int = 0) -> str | None:
    """Say what keeps a value from being stored: NUL, a lone surrogate, or nesting deeper than 20."""
    if isinstance(value, str):
        if "\0" in value:
            return "must not contain NUL characters"
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            return "must not contain lone surrogates"
        return None
    if not isinstance(value, Mapping | list):
        return None
    if depth >= 20:  # noqa: PLR2004 - the promise S12
        return "must not be nested deeper than 20 levels"
    parts = [*value.keys(), *value.values()] if isinstance(value, Mapping) else value
    return next((fault for part in parts if (fault := spoiled(part, depth + 1))), None)
