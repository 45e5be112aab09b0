"""Forms of integers, decimal fractions and amounts of money."""

import math
import re
from decimal import Decimal

from fanfare.kernel.wire.forms import MAX_EXACT_INTEGER, NOTHING, Form, text_of

MAX_ID = 2**63 - 1
# Stricter than Python, which accepts nan, 1_000 and digits of other scripts. Without a point there is one run of
# digits: two could be split anywhere, and matching would take quadratic time.
NUMERAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
INTEGER = re.compile(r"([+-]?[0-9]{1,30})(?:\.0*)?")


def numeral(raw: object) -> str | None:
    """Return a number as text, or None. A JSON number and its text are equivalent."""
    text = None if isinstance(raw, bool) or not isinstance(raw, str | int | float) else text_of(raw).strip()
    return text if text and NUMERAL.fullmatch(text) else None


class IntegerForm(Form):
    """An integer between two bounds."""

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
        # Clients that store ids as floats send 1042.0, as a number or as text.
        if type(raw) is int:
            return raw
        if isinstance(raw, float):
            return int(raw) if raw.is_integer() and abs(raw) <= MAX_EXACT_INTEGER else None
        match = INTEGER.fullmatch(raw.strip()) if isinstance(raw, str) else None
        if match is None:
            return None
        number = int(match[1])
        # Above this, a float may stand for another integer.
        return number if match[0] == match[1] or abs(number) <= MAX_EXACT_INTEGER else None

    def schema(self) -> dict[str, object]:
        # No wider than what every JSON parser can represent exactly.
        return {
            "type": "integer",
            "minimum": max(self.minimum, -MAX_EXACT_INTEGER),
            "maximum": min(self.maximum, MAX_EXACT_INTEGER),
        }


class LimitForm(IntegerForm):
    """The number of rows of a page; a larger number means the maximum, since the client continues from there."""

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
    """An amount without a currency, rounded to four decimals; binary fractions would accumulate rounding errors."""

    nothing = NOTHING
    maximum = Decimal(10) ** 12

    def read(self, raw: object) -> Decimal:
        text = numeral(raw)
        amount = None if text is None else Decimal(text)
        # Rounded before the comparison, as 999,999,999,999.99999 rounds up to the bound; larger numbers cannot be
        # rounded.
        amount = round(amount, 4) if amount is not None and abs(amount) < self.maximum else None
        if amount is None or abs(amount) >= self.maximum:
            message = f"must be an amount such as 12.50, below {self.maximum:,f}"
            raise ValueError(message)
        return amount

    def schema(self) -> dict[str, object]:
        bound = float(self.maximum) - 1
        return {"type": "number", "minimum": -bound, "maximum": bound}
