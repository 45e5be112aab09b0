"""Plans: what criteria ask of the audience index, in terms of its sets, numbers and tickets."""

from datetime import date

import msgspec

# In ten-thousandths. A larger price, multiplied by the seats of a ticket, might overflow 64 bits.
MAX_PRICE = 9 * 10**12


class AllOf(msgspec.Struct, frozen=True, tag=True):
    """Fans for whom every part holds; all fans when there is no part."""

    parts: list["Plan"]


class AnyOf(msgspec.Struct, frozen=True, tag=True):
    """Fans for whom at least one part holds; no fans when there is no part."""

    parts: list["Plan"]


class Not(msgspec.Struct, frozen=True, tag=True):
    """Fans for whom a part does not hold."""

    part: "Plan"


class HasValue(msgspec.Struct, frozen=True, tag=True):
    """Fans with one of some values of a facet."""

    facet: str
    values: list[str | int]


class InRange(msgspec.Struct, frozen=True, tag=True):
    """Fans whose number in a column is at least `first` and less than `end`; None is no bound."""

    column: str
    first: int | None = None
    end: int | None = None


class HasText(msgspec.Struct, frozen=True, tag=True):
    """Fans with one of some texts in a column that stores texts as numbers."""

    column: str
    texts: list[str]


class TicketCount(msgspec.Struct, frozen=True):
    """Bounds of a count per fan: the sum of the column `seats`, or the number of different values of `sale`."""

    column: str
    minimum: int
    maximum: int


class HasTickets(msgspec.Struct, frozen=True, tag=True):
    """Fans with tickets that meet all bounds; None is no bound.

    With `counts`, fans whose matching tickets are within these counts; `is_inverted`: fans with matching tickets that
    are not. `events` are uids without hyphens, prices ten-thousandths per seat, days ordinals; `end` is the first day
    after the range.
    """

    events: list[str] | None = None
    price_code: str | None = None
    first: int | None = None
    end: int | None = None
    lowest: int | None = None
    highest: int | None = None
    counts: list[TicketCount] = []
    is_inverted: bool = False


Plan = AllOf | AnyOf | Not | HasValue | InRange | HasText | HasTickets
NO_FANS = AnyOf([])
ALL_FANS = AllOf([])


def day_range(column: str, first: date | None = None, last: date | None = None) -> InRange:
    """Return the plan for a column of days between two days, both included; None is no bound."""
    return InRange(column, first.toordinal() if first else None, last.toordinal() + 1 if last else None)
