"""Forms of numbers: whole ones, fractions, amounts of money."""

import math
import re
from decimal import Decimal

from fanfare.kernel.wire.forms import EXACT, NOTHING, Form, text_of

MAX_ID = 2**63 - 1
# Python reads more as a number than the wire means: nan, 1_000, digits of other scripts.
NUMERAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
INTEGER = re.compile(r"\s*([+-]?[0-9]{1,30})(?:\.0*)?\s*")


def numeral(raw: object) -> str | None:
    """Return a number as its text, or None for what is none. A number of JSON and its text are the same."""
    text = None if isinstance(raw, bool) or not isinstance(raw, str | int | float) else text_of(raw).strip()
    return text if text and NUMERAL.fullmatch(text) else None


class WholeForm(Form):
    """A whole number between two bounds."""

    nothing = NOTHING

    def __init__(self, minimum: int = -MAX_ID, maximum: int = MAX_ID) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def read(self, raw: object) -> int:
        number = self._number(raw)
        if number is None:
            message = "must be a whole number"
            raise ValueError(message)
        if not self.minimum <= number <= self.maximum:
            message = f"must be between {self.minimum} and {self.maximum}"
            raise ValueError(message)
        return number

    def _number(self, raw: object) -> int | None:
        # A client that keeps its ids as floats sends 1042.0, as a number or as text.
        if type(raw) is int:
            return raw
        if isinstance(raw, float):
            return int(raw) if raw.is_integer() and abs(raw) <= EXACT else None
        match = INTEGER.fullmatch(raw) if isinstance(raw, str) else None
        if match is None:
            return None
        number = int(match[1])
        # Beyond this a float may have been another number before.
        return number if match[0] == match[1] or abs(number) <= EXACT else None

    def schema(self) -> dict[str, object]:
        # Told no wider than what every reader of JSON carries exactly.
        return {"type": "integer", "minimum": max(self.minimum, -EXACT), "maximum": min(self.maximum, EXACT)}


class LimitForm(WholeForm):
    """How many rows an answer may hold: more than the most means the most, since the reader goes on behind it."""

    def __init__(self, maximum: int, minimum: int = 1) -> None:
        super().__init__(minimum)
        self.largest = maximum
        self.note = f"More than {maximum} means {maximum}."

    def read(self, raw: object) -> int:
        return min(super().read(raw), self.largest)


class NumberForm(Form):
    """A finite number between two bounds."""

    nothing = NOTHING

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def read(self, raw: object) -> float:
        text = numeral(raw)
        number = math.nan if text is None else float(text)
        if not self.minimum <= number <= self.maximum:
            message = f"must be a number between {self.minimum:g} and {self.maximum:g}"
            raise ValueError(message)
        return number

    def schema(self) -> dict[str, object]:
        return {"type": "number", "minimum": self.minimum, "maximum": self.maximum}


class MoneyForm(Form):
    """An amount without a currency, kept to four decimals: a sum made of binary fractions ends in dust."""

    nothing = NOTHING
    maximum = Decimal(10) ** 12

    def read(self, raw: object) -> Decimal:
        text = numeral(raw)
        amount = None if text is None else Decimal(text)
        # Rounded before it is compared: 999,999,999,999.99999 is as much as the bound. A larger one cannot be rounded.
        amount = round(amount, 4) if amount is not None and abs(amount) < self.maximum else None
        if amount is None or abs(amount) >= self.maximum:
            message = f"must be an amount such as 12.50, below {self.maximum:,f}"
            raise ValueError(message)
        return amount

    def schema(self) -> dict[str, object]:
        bound = float(self.maximum) - 1
        return {"type": "number", "minimum": -bound, "maximum": bound}
