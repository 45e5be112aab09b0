"""Where the fans of one account live: the postal area of each, and the degrees.

Postal areas are too many for a bitmap each, and the middle of a place is a sum over its fans.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from pyroaring import BitMap

from fanfare.audience.index.bitmaps import Numbers
from fanfare.audience.index.tables import NONE, Found, StoredTable, Table

# A country and a code in it.
Area = tuple[str, str]
# Degrees are kept as whole numbers from 0 on, to a hundred metres.
DEGREES, ORIGIN = 1_000, 180


class StoredAreas(msgspec.Struct):
    """Areas as they are written down: their names by number, and the fans' numbers."""

    names: list[Area]
    numbers: StoredTable


class Areas:
    """Which postal area each fan lives in."""

    def __init__(self, state: StoredAreas | None = None) -> None:
        """Take what `stored` gave, if anything."""
        self._names: list[Area] = state.names if state else []
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._table = Table(1, state.numbers if state else None)
        # The place of each area among all of them by name, until there is a new one.
        self._ranks: Numbers | None = None

    def dump(self) -> StoredAreas:
        """Return the areas as they are written down."""
        return StoredAreas(self._names, self._table.dump())

    def put(self, names: Sequence[Area], counts: Sequence[int], fan_ids: Numbers) -> None:
        """Give fans their areas: the first of `counts` of them the first name, and so on."""
        for name in names:
            if name not in self._numbers:
                self._numbers[name] = len(self._names)
                self._names.append(name)
                self._ranks = None
        self._table.put(fan_ids, np.repeat([self._numbers[name] for name in names], counts))

    def remove(self, fans: BitMap) -> None:
        """Take away the areas of some fans."""
        self._table.remove(fans)

    def largest(self, candidates: BitMap, limit: int) -> list[tuple[Area, int]]:
        """Return the areas that the most of some fans live in, with how many; ties by name."""
        (numbers,) = self._table.columns(candidates)
        counts = np.bincount(numbers - NONE, minlength=len(self._names) + 1)[1:]
        # How many areas have so many fans or more.
        totals = np.bincount(counts)[::-1].cumsum()[::-1]
        top = np.flatnonzero(counts >= max(int((totals >= limit).sum()) - 1, 1))
        ranked = top[np.lexsort((self._ranked()[top], -counts[top]))][:limit]
        return [(self._names[number], int(counts[number])) for number in ranked.tolist()]

    def _ranked(self) -> Numbers:
        """Return the place of each area in the order in which the database sorts their names: by their bytes."""
        if self._ranks is None:
            order = sorted(range(len(self._names)), key=lambda number: [part.encode() for part in self._names[number]])
            self._ranks = np.empty(len(order), np.int64)
            self._ranks[order] = np.arange(len(order))
        return self._ranks


class Spots:
    """At which latitude and longitude each fan lives; either may be missing."""

    def __init__(self, state: StoredTable | None = None) -> None:
        """Take what `stored` gave, if anything."""
        self._table = Table(2, state)

    def dump(self) -> StoredTable:
        """Return the spots as they are written down."""
        return self._table.dump()

    def put(self, fan_ids: Numbers, latitudes: Numbers, longitudes: Numbers) -> None:
        """Give fans their degrees, counted as `DEGREES` and `ORIGIN` say; a negative number is none."""
        self._table.put(fan_ids, latitudes, longitudes)

    def remove(self, fans: BitMap) -> None:
        """Take away the degrees of some fans."""
        self._table.remove(fans)

    def middle(self, fans: BitMap) -> tuple[float | None, float | None]:
        """Return the mean latitude and longitude of some fans."""
        latitudes, longitudes = self._table.columns(fans)
        return _mean(latitudes), _mean(longitudes)


def _mean(degrees: Found) -> float | None:
    empty_count = int(np.count_nonzero(degrees == NONE))
    if empty_count == degrees.size:
        return None
    return int(degrees.sum(dtype=np.int64) - empty_count * NONE) / (degrees.size - empty_count) / DEGREES - ORIGIN
