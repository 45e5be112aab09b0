"""Forms of lists and JSON, and the annotations Wildcard and Alias."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from fanfare.kernel.wire.forms import Form, storage_fault

# Decoding takes 1 ms for 150,000 numbers in a list, and 20 ms for 50,000 members or 25,000 nested arrays.
MAX_WEIGHT = 150_000

# Of a value that is stored as JSON: rows with many of them are read together.
MAX_JSON_BYTES = 64 * 1024

# Windows programs put it before a UTF-8 text.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# The maximum digits of a number, the lowest limit Python allows: parsing is quadratic and holds the interpreter lock.
MAX_NUMBER_DIGITS = 640
sys.set_int_max_str_digits(MAX_NUMBER_DIGITS)


def _float(digits: str) -> float:
    """Return a number. Written in Python, so that other threads can run between the numbers of a long text."""
    return float(digits)


# msgspec's own parser takes 20 µs for 1e308, a hundred times as long as Python's, and holds the interpreter lock.
DECODER = msgspec.json.Decoder(float_hook=_float)


def json_weight(text: str | bytes) -> int:
    """Return an upper bound of the elements in a JSON text, in units of an array element, without decoding it."""
    marks = ((",", 1), (":", 4), ("[", 6), ("{", 6))
    if isinstance(text, bytes):
        return sum(each * text.count(mark.encode()) for mark, each in marks)
    return sum(each * text.count(mark) for mark, each in marks)


def decode_json(text: str, message: str, *, is_line: bool = False) -> object:
    """Return the value of a JSON text. Raises ValueError, with `message` if it is malformed.

    With `is_line` the caller checks whether the value can be stored.
    """
    if json_weight(text) > MAX_WEIGHT:
        too_many = "has too many values"
        raise ValueError(too_many)
    try:
        value = parse_json(text.encode())
    except ValueError:
        raise ValueError(message) from None
    if not is_line and (fault := storage_fault(value)):
        raise ValueError(fault)
    return value


def parse_json(text: bytes) -> object:
    """Return the value of a JSON text, with or without a byte order mark. Raises ValueError with what is wrong.

    Lone surrogates and numbers too large for a float are accepted here, so that the error can name the field they are
    in.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    try:
        return DECODER.decode(text)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(text.decode(), parse_constant=_refuse, parse_int=_integer, parse_float=_float)
    except json.JSONDecodeError as wrong:
        fault = f"is not valid JSON: line {wrong.lineno}, column {wrong.colno}"
    except UnicodeDecodeError:
        fault = "is not valid JSON: it must be UTF-8"
    except RecursionError:
        fault = "is nested too deeply"
    raise ValueError(fault)


def _refuse(word: str) -> None:
    message = f"is not valid JSON: it has no number {word}"
    raise ValueError(message)


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_DIGITS:
        message = f"has a number of more than {MAX_NUMBER_DIGITS} digits"
        raise ValueError(message)
    return int(digits)


class ListForm(Form):
    """Several values: a repeated name, name[], a comma list, or a JSON array."""

    def __init__(self, each: Form, maximum: int = 1000) -> None:
        self.each = each
        self.maximum = maximum
        self.nothing = each.nothing
        self.is_line = each.is_line

    def read(self, raw: object) -> list[Any]:
        items = self._items(raw)
        # Blank lines count, so that the following ones keep their indexes.
        if not isinstance(self.each, LineForm):
            items = [item for item in items if not (isinstance(item, str) and not item.strip())]
        if len(items) > self.maximum:
            raise ValueError(self._count_error())
        return self.each.read_all(items)

    def _items(self, raw: object) -> Sequence[object]:
        if isinstance(raw, list):
            return raw
        if not isinstance(raw, str):
            return [raw]
        match raw.lstrip()[:1]:
            case "[":
                decoded = decode_json(raw, "is not a valid JSON array", is_line=self.is_line)
                return decoded if isinstance(decoded, list) else [decoded]
            case "{":
                return [raw]
        # Counted before splitting; a trailing comma adds no entry.
        if raw.count(",") > self.maximum:
            raise ValueError(self._count_error())
        return raw.split(",")

    def _count_error(self) -> str:
        return f"must have at most {self.maximum} entries"

    def schema(self) -> dict[str, object]:
        return {"type": "array", "items": self.each.schema(), "maxItems": self.maximum}


def size_fault(value: object) -> str | None:
    """Return why a value is too long as JSON, or None; the caller has checked that it can be stored."""
    is_long = len(msgspec.json.encode(value)) > MAX_JSON_BYTES
    return f"must be at most {MAX_JSON_BYTES} bytes as JSON" if is_long else None


class JsonForm(Form):
    """A JSON object of at most 64 KiB; a text is decoded first."""

    def read(self, raw: object) -> dict[str, Any]:
        message = "must be a JSON object"
        value = decode_json(raw, message) if isinstance(raw, str) else raw
        if not isinstance(value, dict):
            raise ValueError(message)  # noqa: TRY004 - what a Form refuses with
        if fault := size_fault(value):
            raise ValueError(fault)
        return value

    def schema(self) -> dict[str, object]:
        return {"type": "object", "additionalProperties": True}


class AnyForm(Form):
    """Any JSON value, unchanged."""

    def read(self, raw: object) -> object:
        return raw

    def schema(self) -> dict[str, object]:
        return {}


class LineForm(AnyForm):
    """A line of a batch, unchanged: its errors are reported by its index and do not affect other lines."""

    is_line = True


class LinesForm(ListForm):
    """The lines of a batch: an array of objects, or a single object. Errors are reported line by line."""

    def __init__(self, maximum: int, each: Form | None = None) -> None:
        super().__init__(each or LineForm(), maximum)

    def _items(self, raw: object) -> Sequence[object]:
        message = "must be an array of JSON objects"
        if isinstance(raw, str) and raw.lstrip().startswith(("[", "{")):
            raw = decode_json(raw, message, is_line=True)
        if isinstance(raw, dict):
            return [raw]
        if not isinstance(raw, list):
            raise ValueError(message)  # noqa: TRY004 - what a Form refuses with
        return raw


class InvalidEntry(msgspec.Struct, frozen=True):
    """An invalid entry: its text, if it can be repeated, and the error."""

    text: str | None
    message: str


class EntryForm(Form):
    """An entry of a list in which errors are reported one by one: its value, or `InvalidEntry`."""

    is_line = True

    def __init__(self, each: Form) -> None:
        self.each = each
        self.nothing = each.nothing

    def read(self, raw: object) -> Any:  # noqa: ANN401 - depends on the inner Form
        fault = storage_fault(raw)
        try:
            return InvalidEntry(None, fault) if fault else self.each.read(raw)
        except ValueError as wrong:
            return InvalidEntry(raw if isinstance(raw, str) else None, str(wrong))

    def schema(self) -> dict[str, object]:
        return self.each.schema()


class Wildcard:
    """Marks a field that collects every parameter whose name begins with `prefix`, by the rest of its name."""

    def __init__(self, prefix: str, each: Form) -> None:
        """`prefix` is a text such as `field_`, `each` the Form of each value."""
        self.prefix = prefix
        self.each = each


class Alias:
    """Marks an additional name of a field, or with `only` a name that replaces its Python name."""

    def __init__(self, name: str, *, only: bool = False) -> None:
        self.name = name
        self.only = only
