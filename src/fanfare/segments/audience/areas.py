"""The postal areas of one account's fans: too many for a bitmap each, so each fan has the number of one.

They lie in blocks of 2^16 neighbouring ids, so that the fans of a question are found in a block by a table of its
places.
"""

from array import array
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from fanfare.segments.audience.bitmaps import Numbers

BITS = 16
PLACES = 1 << BITS
# A country and a code in it.
Area = tuple[str, str]
Lows = npt.NDArray[np.uint16]
Codes = npt.NDArray[np.uint32]


class StoredAreas(msgspec.Struct):
    """Areas as they are written down: their names by number, and by block the places of fans and their numbers."""

    names: list[Area]
    blocks: dict[int, tuple[bytes, bytes]]


class Areas:
    """Which postal area each fan lives in."""

    def __init__(self, stored: StoredAreas | None = None) -> None:
        """Take what `stored` gave, if anything."""
        self._numbers: dict[Area, int] = {}
        self._names: list[Area] = []
        self._blocks: dict[int, tuple[Lows, Codes]] = {}
        # The place of each area among all of them by name, until there is a new one.
        self._ranks: Numbers | None = None
        if stored:
            self._names = stored.names
            self._numbers = {name: number for number, name in enumerate(stored.names)}
            self._blocks = {
                key: (np.frombuffer(lows, np.uint16), np.frombuffer(codes, np.uint32))
                for key, (lows, codes) in stored.blocks.items()
            }

    def stored(self) -> StoredAreas:
        """Return the areas as they are written down."""
        blocks = {key: (lows.tobytes(), codes.tobytes()) for key, (lows, codes) in self._blocks.items()}
        return StoredAreas(self._names, blocks)

    def add(self, names: Sequence[Area], counts: Sequence[int], fan_ids: Numbers) -> None:
        """Give fans who have none here their areas: the first of `counts` of them the first name, and so on."""
        for name in names:
            if name not in self._numbers:
                self._numbers[name] = len(self._names)
                self._names.append(name)
                self._ranks = None
        codes = np.repeat(np.array([self._numbers[name] for name in names], np.uint32), counts)
        order = np.argsort(fan_ids)
        for key, rows in _by_block(fan_ids[order]):
            fresh = fan_ids[order][rows].astype(np.uint16), codes[order][rows]
            known = self._blocks.get(key)
            if known is not None:
                fresh = np.concatenate((known[0], fresh[0])), np.concatenate((known[1], fresh[1]))
            self._blocks[key] = fresh

    def remove(self, fans: BitMap) -> None:
        """Take away the areas of some fans."""
        for key, lows in _lows(fans):
            if key in self._blocks:
                known, codes = self._blocks[key]
                stays = ~_table(lows)[known]
                if stays.any():
                    self._blocks[key] = known[stays], codes[stays]
                else:
                    del self._blocks[key]

    def largest(self, among: BitMap, most: int) -> list[tuple[Area, int]]:
        """Return the areas that the most of some fans live in, with how many; ties by name."""
        blocks = [(lows, *self._blocks[key]) for key, lows in _lows(among) if key in self._blocks]
        if not blocks:
            return []
        found = np.concatenate([codes[_table(lows)[known]] for lows, known, codes in blocks])
        counts = np.bincount(found, minlength=len(self._names))
        if len(counts) > most:
            least = max(int(np.partition(counts, -most)[-most]), 1)
            best = np.flatnonzero(counts >= least)
        else:
            best = np.flatnonzero(counts)
        ranked = best[np.lexsort((self._ranked()[best], -counts[best]))][:most]
        return [(self._names[number], int(counts[number])) for number in ranked.tolist()]

    def _ranked(self) -> Numbers:
        """Return the place of each area in the order in which the database sorts their names: by their bytes."""
        if self._ranks is None:
            order = sorted(range(len(self._names)), key=lambda number: [part.encode() for part in self._names[number]])
            self._ranks = np.empty(len(order), np.int64)
            self._ranks[order] = np.arange(len(order))
        return self._ranks


def _lows(fans: BitMap) -> Iterator[tuple[int, Lows]]:
    fan_ids = np.frombuffer(fans.to_array() if fans else array("I"), np.uint32)
    for key, rows in _by_block(fan_ids):
        yield key, fan_ids[rows].astype(np.uint16)


def _by_block(fan_ids: npt.NDArray[np.int64] | npt.NDArray[np.uint32]) -> Iterator[tuple[int, slice]]:
    """Yield the parts of ordered ids that belong to one block each, with the block's key."""
    if not fan_ids.size:
        return
    keys, starts = np.unique(fan_ids >> BITS, return_index=True)
    ends = [*starts[1:].tolist(), fan_ids.size]
    for key, start, end in zip(keys.tolist(), starts.tolist(), ends, strict=True):
        yield key, slice(start, end)


def _table(lows: Lows) -> npt.NDArray[np.bool_]:
    """Return for each place of a block whether it is among some."""
    table = np.zeros(PLACES, np.bool_)
    table[lows] = True
    return table
