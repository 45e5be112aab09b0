"""What criteria may ask of the audience index, in its terms: sets of fans by value, numbers of fans, and tickets."""

from datetime import date

import msgspec

# A price beyond it, in ten thousandths, times the seats of a ticket might not fit.
MOST_PRICE = 9 * 10**12


class AllOf(msgspec.Struct, frozen=True, tag=True):
    """Fans for whom every part holds: everybody when there is none."""

    parts: list["Plan"]


class AnyOf(msgspec.Struct, frozen=True, tag=True):
    """Fans for whom one part holds: nobody when there is none."""

    parts: list["Plan"]


class Without(msgspec.Struct, frozen=True, tag=True):
    """Fans for whom a part does not hold."""

    part: "Plan"


class Having(msgspec.Struct, frozen=True, tag=True):
    """Fans who have one of the values of a facet."""

    facet: str
    values: list[str | int]


class Between(msgspec.Struct, frozen=True, tag=True):
    """Fans whose number is at least `first` and below `end`; null is no bound."""

    column: str
    first: int | None = None
    end: int | None = None


class Coded(msgspec.Struct, frozen=True, tag=True):
    """Fans who have one of the texts of a column that keeps texts by their number."""

    column: str
    texts: list[str]


class Count(msgspec.Struct, frozen=True):
    """A column of tickets that is added up for each fan, `seats`, or of which different ones are counted, `sale`."""

    of: str
    least: int
    most: int


class SoldTo(msgspec.Struct, frozen=True, tag=True):
    """Fans who have such a ticket; with `counts` those who have so many; when turned, who have some and not so many.

    Events are uids without hyphens. Prices are whole ten thousandths for a seat, days are ordinals, `end` the first
    that is not meant; null is no bound.
    """

    events: list[str] | None = None
    price_code: str | None = None
    first: int | None = None
    end: int | None = None
    lowest: int | None = None
    highest: int | None = None
    counts: list[Count] = []
    is_turned: bool = False


Plan = AllOf | AnyOf | Without | Having | Between | Coded | SoldTo
NOBODY = AnyOf([])
EVERYBODY = AllOf([])


def days(column: str, start: date | None = None, last: date | None = None) -> Between:
    """Return the plan of a column of days: from one day to another, both included."""
    return Between(column, start.toordinal() if start else None, last.toordinal() + 1 if last else None)
