"""The base class Form, and the Forms of texts, choices, flags, ids and IP addresses."""

import math
import re
import unicodedata
import uuid
from collections.abc import Sequence
from typing import Any

from asyncpg.pgproto.pgproto import UUID as DriverUuid  # noqa: N811 - it is not the standard one

from fanfare.kernel import addresses
from fanfare.kernel.folding import fold

FLAGS = {
    **dict.fromkeys(("true", "on", "1", "yes", "t", "y"), True),
    **dict.fromkeys(("false", "off", "0", "no", "f", "n"), False),
}
NOTHING = frozenset({"", "none", "null"})
# Promise S12 of docs/promises.md.
MAX_DEPTH = 20
# The largest integer up to which floats are exact.
MAX_EXACT_INTEGER = 2**53 - 1
FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.0|\.[0-9]{1,16}[eE]\+?[0-9]{1,2})")
# More combining marks on one letter than any language uses.
MAX_MARKS = 32
# Characters without a combining class whose decomposition starts with a combining mark.
HIDDEN_MARKS = "\u0f73\u0f75\u0f81\uff9e\uff9f"
# The longest canonical decomposition of a character.
LONGEST_DECOMPOSITION = 4
# Characters that are normalized in one call: no other thread runs during it.
PIECE = 10_000
# Longer than any word of an enumeration.
LONGEST_WORD = 255
USUAL_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
SURROGATES = re.compile("[\ud800-\udfff]")


class InvalidParts(ValueError):  # noqa: N818 - what a Form refuses with
    """Several parts of a value are wrong: `errors` has the path of each inside the value, and its message."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        """Report the first as the message."""
        super().__init__(f"{errors[0][0]} {errors[0][1]}")
        self.errors = errors


class Form:
    """Parses one kind of value; `nothing` has the texts that mean that no value was sent."""

    nothing: frozenset[str] = frozenset({""})
    # Whether errors of its parts are reported part by part, by others.
    is_line = False
    # Appended to the description of a field of this kind.
    note = ""

    def read(self, raw: object) -> Any:  # noqa: ANN401 - depends on the Form
        """Return the value, or raise ValueError with what is wrong."""
        raise NotImplementedError

    def read_all(self, items: Sequence[object]) -> list[Any]:
        """Return the values of a list, in order; raises as `read` does for the first that is wrong."""
        return [self.read(item) for item in items]

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema of the value on the wire."""
        raise NotImplementedError

    def components(self) -> dict[str, dict[str, object]]:
        """Return the schemas that `schema` refers to, by their names among the components of the API document."""
        return {}


def text_of(raw: object) -> str:
    """Return a scalar as text: some clients send numbers instead of texts, and integers as 1042.0."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer() and abs(raw) <= MAX_EXACT_INTEGER:
        return str(int(raw))
    if isinstance(raw, int | float):
        return str(raw)
    message = "must be a string"
    raise ValueError(message)


def compose(text: str, piece: int = PIECE) -> str:
    """Return a text in NFC, normalized in pieces of about `piece` characters."""
    pieces, start = [], 0
    while start < len(text):
        end = start + piece
        while end < len(text) and not _can_split_before(text[end]):
            end += 1
        pieces.append(unicodedata.normalize("NFC", text[start:end]))
        start = end
    return "".join(pieces)


def _can_split_before(letter: str) -> bool:
    """Return whether a character never combines with the one before it, as marks and parts of Korean letters do."""
    if unicodedata.category(letter)[0] == "M" or letter in HIDDEN_MARKS:
        return False
    return unicodedata.category(letter) != "Lo" or not unicodedata.is_normalized("NFC", letter)


def word_of(raw: object) -> str:
    """Return a scalar as a folded word; an empty one if the text is too long for a word."""
    word = text_of(raw).strip()
    return fold(word) if len(word) <= LONGEST_WORD else ""


def whole_number(text: str) -> str:
    """Return an integer written as a float, 1042.0 or 1.042E3, as 1042; return any other text unchanged.

    Numbers that a float cannot represent exactly, numbers with leading zeros, and codes such as 1E3 are not changed.
    """
    match = FLOAT.fullmatch(text.strip())
    if not match:
        return text
    number = float(match[0])
    return str(int(number)) if number.is_integer() and abs(number) <= MAX_EXACT_INTEGER else text


class TextForm(Form):
    """A text of at most `max_length` characters, in Unicode normal form C, without surrounding whitespace."""

    def __init__(self, max_length: int = 255, pattern: str | None = None, hint: str = "") -> None:
        self.max_length = max_length
        self.pattern = re.compile(pattern) if pattern else None
        self.hint = hint

    def read(self, raw: object) -> str:
        text = text_of(raw).strip()
        if len(text) <= LONGEST_DECOMPOSITION * self.max_length:
            text = compose(text)
        if len(text) > self.max_length:
            message = f"must be at most {self.max_length} characters"
            raise ValueError(message)
        if self.pattern and not self.pattern.fullmatch(text):
            raise ValueError(self.hint)
        return text

    def schema(self) -> dict[str, object]:
        result: dict[str, object] = {"type": "string", "maxLength": self.max_length}
        if self.pattern:
            result["pattern"] = f"^(?:{self.pattern.pattern})$"
        return result


class KeyForm(TextForm):
    """A key or code of another system; 1042.0 and 1.042E3 become 1042, since a table of floats may have changed it."""

    def read(self, raw: object) -> str:
        return super().read(whole_number(text_of(raw)))

    def schema(self) -> dict[str, object]:
        return {**super().schema(), "description": "A whole number written as a float, 1042.0, is read as 1042."}


class TimeKeyForm(TextForm):
    """A key in the order of time, from an earlier response; none and null mean that none was sent."""

    nothing = NOTHING


class NetworkForm(TextForm):
    """The name of a network; case and accents are ignored, and it is stored folded."""

    def read(self, raw: object) -> str:
        return fold(super().read(raw))


class CapitalsForm(TextForm):
    """A code that is stored in upper case."""

    def read(self, raw: object) -> str:
        return super().read(raw).upper()


class ChoiceForm(Form):
    """One of some words, in any case."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.by_key = {fold(word): word for word in words}
        # "none" may be a choice, as in any, all or none of some tags; ignoring it would match the opposite.
        self.nothing = NOTHING - {"none", *self.by_key}

    def read(self, raw: object) -> str:
        word = self.by_key.get(word_of(raw))
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
        flag = FLAGS.get(word_of(raw))
        if flag is None:
            message = "must be true or false (also on/off, 1/0, yes/no)"
            raise ValueError(message)
        return flag

    def schema(self) -> dict[str, object]:
        return {"type": "boolean"}


def _quick_uuid(text: str) -> uuid.UUID:
    """Return a UUID; the driver's type reads the usual form in a tenth of the time."""
    if USUAL_UUID.fullmatch(text):
        parsed: uuid.UUID = DriverUuid(text)
        return parsed
    return uuid.UUID(text)


class UuidForm(Form):
    """A UUID."""

    nothing = NOTHING

    def read(self, raw: object) -> uuid.UUID:
        text = text_of(raw).strip()
        try:
            return _quick_uuid(text)
        except ValueError:
            message = "must be a UUID"
            raise ValueError(message) from None

    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "uuid"}


class AddressForm(Form):
    """An IPv4 or IPv6 address in its normal form."""

    def read(self, raw: object) -> str:
        try:
            return addresses.address(text_of(raw))
        except ValueError:
            message = "must be an IPv4 or IPv6 address"
            raise ValueError(message) from None

    def schema(self) -> dict[str, object]:
        return {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}], "examples": ["192.0.2.7"]}


class AddressRangeForm(Form):
    """An IP address or a range in CIDR notation, in its normal form; bits after the prefix are cleared."""

    def read(self, raw: object) -> addresses.Network:
        try:
            return addresses.network(text_of(raw))
        except ValueError:
            message = "must be an IPv4 or IPv6 address or a range such as 192.0.2.0/24"
            raise ValueError(message) from None

    def schema(self) -> dict[str, object]:
        octet, bits = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])", "(3[0-2]|[12]?[0-9])"
        formats = [{"format": "ipv4"}, {"format": "ipv6"}, {"pattern": rf"^({octet}\.){{3}}{octet}/{bits}$"}]
        return {"type": "string", "anyOf": formats, "examples": ["192.0.2.0/24"]}


def storage_fault(value: object, depth: int = 0) -> str | None:
    """Return why a value cannot be stored, or None.

    Reasons are NUL, a lone surrogate, too many combining marks, a number that is not finite, or nesting deeper than 20.
    """
    if isinstance(value, str):
        return _text_fault(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "must not contain numbers that are too large to store"
    if not isinstance(value, dict | list):
        return None
    if depth >= MAX_DEPTH:
        return f"must not be nested deeper than {MAX_DEPTH} levels"
    for part in [*value, *value.values()] if isinstance(value, dict) else value:
        if fault := storage_fault(part, depth + 1):
            return fault
    return None


def _text_fault(text: str) -> str | None:
    if "\0" in text:
        return "must not contain NUL characters"
    if text.isascii():
        return None
    if SURROGATES.search(text):
        return "must not contain lone surrogates"
    # Unicode normalization is quadratic in the length of a sequence of marks: a body full of them would take minutes.
    parts = (text[start : start + MAX_MARKS] for start in range(0, len(text), MAX_MARKS))
    is_stacked = any(all(map(_is_mark, part)) for part in parts if len(part) == MAX_MARKS)
    return f"must not stack more than {MAX_MARKS} marks on a letter" if is_stacked else None


def _is_mark(letter: str) -> bool:
    return unicodedata.combining(letter) > 0 or letter in HIDDEN_MARKS
