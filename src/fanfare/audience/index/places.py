"""Where the fans of one account live: their postal areas and coordinates.

There are too many postal areas for a bitmap each, and the centre of a place is a sum over its fans.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from pyroaring import BitMap

from fanfare.audience.index.bitmaps import Numbers
from fanfare.audience.index.tables import NO_VALUE, StoredTable, Table, Values

# A country code and the code of a postal area in it.
Area = tuple[str, str]
# Coordinates are stored as integers: (degrees + ORIGIN) * SCALE, which is exact to about a hundred metres.
SCALE, ORIGIN = 1_000, 180


class StoredAreas(msgspec.Struct):
    """Areas in the file of the index: `numbers` has the area of each fan, as its place in `names`."""

    names: list[Area]
    numbers: StoredTable


class Areas:
    """The postal area of each fan."""

    def __init__(self, state: StoredAreas | None = None) -> None:
        self._names: list[Area] = state.names if state else []
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._table = Table(1, state.numbers if state else None)
        # The rank of each area by name; None after an area was added.
        self._ranks: Numbers | None = None

    def dump(self) -> StoredAreas:
        """Return the areas in the form of the file."""
        return StoredAreas(self._names, self._table.dump())

    def put(self, names: Sequence[Area], counts: Sequence[int], fan_ids: Numbers) -> None:
        """Set the areas of fans: the first area for the first `counts[0]` of the ids, and so on."""
        for name in names:
            if name not in self._numbers:
                self._numbers[name] = len(self._names)
                self._names.append(name)
                self._ranks = None
        self._table.put(fan_ids, np.repeat([self._numbers[name] for name in names], counts))

    def remove(self, fans: BitMap) -> None:
        """Delete the areas of some fans."""
        self._table.remove(fans)

    def largest(self, candidates: BitMap, limit: int) -> list[tuple[Area, int]]:
        """Return the areas with the most candidates and their counts, largest first, equal counts by name."""
        (numbers,) = self._table.columns(candidates)
        counts = np.bincount(numbers - NO_VALUE, minlength=len(self._names) + 1)[1:]
        # The number of areas with at least as many fans as the index.
        totals = np.bincount(counts)[::-1].cumsum()[::-1]
        top = np.flatnonzero(counts >= max(int((totals >= limit).sum()) - 1, 1))
        ranked = top[np.lexsort((self._ranked()[top], -counts[top]))][:limit]
        return [(self._names[number], int(counts[number])) for number in ranked.tolist()]

    def _ranked(self) -> Numbers:
        """Return the rank of each area by name, sorted by bytes as the database does."""
        if self._ranks is None:
            order = sorted(range(len(self._names)), key=lambda number: [part.encode() for part in self._names[number]])
            self._ranks = np.empty(len(order), np.int64)
            self._ranks[order] = np.arange(len(order))
        return self._ranks


class Spots:
    """The latitude and longitude of each fan; either may be missing."""

    def __init__(self, state: StoredTable | None = None) -> None:
        self._table = Table(2, state)

    def dump(self) -> StoredTable:
        """Return the coordinates in the form of the file."""
        return self._table.dump()

    def put(self, fan_ids: Numbers, latitudes: Numbers, longitudes: Numbers) -> None:
        """Set the coordinates of fans, as scaled integers (`SCALE`, `ORIGIN`); a negative number means no value."""
        self._table.put(fan_ids, latitudes, longitudes)

    def remove(self, fans: BitMap) -> None:
        """Delete the coordinates of some fans."""
        self._table.remove(fans)

    def centre(self, fans: BitMap) -> tuple[float | None, float | None]:
        """Return the mean latitude and longitude of some fans in degrees; None where no fan has a value."""
        latitudes, longitudes = self._table.columns(fans)
        return _mean(latitudes), _mean(longitudes)


def _mean(values: Values) -> float | None:
    empty_count = int(np.count_nonzero(values == NO_VALUE))
    if empty_count == values.size:
        return None
    return int(values.sum(dtype=np.int64) - empty_count * NO_VALUE) / (values.size - empty_count) / SCALE - ORIGIN
