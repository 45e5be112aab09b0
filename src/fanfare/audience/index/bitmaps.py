"""Bitmaps of fans: sets of fans by value, and numbers of fans as one bitmap per bit.

A fan's position in a bitmap is the fan id, so no mapping is needed. Ids of 2^32 and above do not fit.
"""

import heapq
from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

# For fewer fans than this it is faster to look at them only than at all fans.
SMALL_SET = 10_000
Numbers = npt.NDArray[np.int64]
Value = str | int | tuple[str | None, ...]
# For each value the ids of the fans with that value, as read from the tables.
Groups = dict[Value, "array[int]"]


def bitmap(fan_ids: Numbers) -> BitMap:
    """Return ids as a bitmap."""
    return BitMap(array("I", fan_ids.astype(np.uint32).tobytes()))


def by_block(fan_ids: npt.NDArray[Any], bits: int) -> Iterator[tuple[int, slice]]:
    """Yield for each block of 2^bits ids the block number, and the slice of the sorted ids that are in the block."""
    if not fan_ids.size:
        return
    keys = fan_ids >> bits
    starts = [0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist()]
    for start, end in pairwise([*starts, fan_ids.size]):
        yield int(keys[start]), slice(start, end)


class Facet:
    """One bitmap of fans for each value; a fan may have several values."""

    def __init__(self, sets: Iterable[tuple[Value, bytes]] = ()) -> None:
        self.sets: dict[Value, BitMap] = {value: BitMap.deserialize(data) for value, data in sets}
        # The values by number of fans, largest first; None after a change.
        self._by_size: list[tuple[Value, BitMap, int]] | None = None

    def fans(self, values: Iterable[Value], candidates: BitMap) -> BitMap:
        """Return the candidates with one of some values."""
        return BitMap.union(BitMap(), *(self.sets[value] & candidates for value in values if value in self.sets))

    def remove(self, fans: BitMap) -> None:
        """Delete all values of some fans."""
        self._by_size = None
        empty = []
        for value, members in self.sets.items():
            if members.intersect(fans):
                members -= fans  # noqa: PLW2901 - changes the bitmap in place
                if not members:
                    empty.append(value)
        for value in empty:
            del self.sets[value]

    def add(self, groups: Groups) -> None:
        """Add values to fans."""
        self._by_size = None
        for value, fan_ids in groups.items():
            if value in self.sets:
                self.sets[value] |= BitMap(fan_ids)
            else:
                self.sets[value] = BitMap(fan_ids)

    def largest(self, candidates: BitMap, limit: int) -> list[tuple[Value, int]]:
        """Return the values with the most candidates and their counts, largest first, then by value, None last."""
        if self._by_size is None:
            sizes = ((value, members, len(members)) for value, members in self.sets.items())
            self._by_size = sorted(sizes, key=lambda each: -each[2])
        top: list[tuple[Value, int]] = []
        counts: list[int] = []
        for value, members, size in self._by_size:
            # The remaining values have fewer fans than each of the values in `counts`.
            if len(counts) == limit and size < counts[0]:
                break
            if fan_count := members.intersection_cardinality(candidates):
                top.append((value, fan_count))
                heapq.heappush(counts, fan_count)
                if len(counts) > limit:
                    heapq.heappop(counts)
        return sorted(top, key=lambda each: (-each[1], sort_key(each[0])))[:limit]

    def drop(self, value: Value) -> None:
        """Delete a value from all fans."""
        self._by_size = None
        self.sets.pop(value, None)

    def dump(self) -> Iterator[tuple[Value, bytes]]:
        """Yield each value with its bitmap in the form of the file."""
        for value, members in self.sets.items():
            members.run_optimize()
            yield value, members.serialize()


def sort_key(value: Value) -> tuple[tuple[bool, str], ...]:
    """Return a key that sorts values like the database: by bytes, null last."""
    parts = value if isinstance(value, tuple) else (str(value),)
    return tuple((part is None, part or "") for part in parts)


class Column:
    """An integer (0 or more) for each fan who has one, stored as a bitmap per bit, for ranges, sums and maxima."""

    def __init__(self, present: bytes | None = None, bits: Iterable[bytes] = ()) -> None:
        self.present = BitMap.deserialize(present) if present else BitMap()
        self.bits = [BitMap.deserialize(each) for each in bits]

    def at_least(self, number: int, candidates: BitMap) -> BitMap:
        """Return the candidates whose number is `number` or more.

        Goes through the bits from the lowest up, keeping the fans above `number - 1` in the bits so far. With many
        candidates, operations on whole bitmaps are faster than on intersections.
        """
        if number <= 0:
            return self.present & candidates
        is_small = len(candidates) < SMALL_SET
        bound = number - 1
        if bound >> len(self.bits):
            return BitMap()
        result = BitMap()
        for place, bit in enumerate(self.bits):
            if bound >> place & 1:
                result &= bit
            else:
                result |= bit & candidates if is_small else bit
        return result if is_small else result & candidates

    def exactly(self, number: int, candidates: BitMap) -> BitMap:
        """Return the candidates with this number."""
        if number >> len(self.bits):
            return BitMap()
        result = self.present & candidates
        for place, bit in enumerate(self.bits):
            if number >> place & 1:
                result &= bit
            else:
                result -= bit
        return result

    def total(self, candidates: BitMap) -> int:
        """Return the sum of the candidates' numbers."""
        return sum(bit.intersection_cardinality(candidates) << place for place, bit in enumerate(self.bits))

    def maximum(self, candidates: BitMap) -> int | None:
        """Return the largest number among the candidates, or None when none of them has one."""
        rest = candidates & self.present
        if not rest:
            return None
        number = 0
        for place in reversed(range(len(self.bits))):
            if upper := rest & self.bits[place]:
                rest, number = upper, number | 1 << place
        return number

    def remove(self, fans: BitMap) -> None:
        """Delete the numbers of some fans."""
        self.present -= fans
        for bit in self.bits:
            bit -= fans  # noqa: PLW2901 - changes the bitmap in place

    def add(self, numbers: Numbers, fan_ids: Numbers) -> None:
        """Set the numbers of fans who have none yet; a negative number means no value."""
        has_value = numbers >= 0
        numbers, fan_ids = numbers[has_value], fan_ids[has_value]
        self.present |= bitmap(fan_ids)
        width = int(numbers.max(initial=0)).bit_length()
        self.bits += [BitMap() for _ in range(width - len(self.bits))]
        for place in range(width):
            self.bits[place] |= bitmap(fan_ids[(numbers >> place) & 1 == 1])

    def dump(self) -> tuple[bytes, list[bytes]]:
        """Return the bitmaps (fans with a number, then the bits from the lowest up) in the form of the file."""
        for bit in (self.present, *self.bits):
            bit.run_optimize()
        return self.present.serialize(), [bit.serialize() for bit in self.bits]
