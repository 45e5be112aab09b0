"""Sets of fans by value, and numbers of fans in bits: what the index of one account consists of.

A fan's place in a bitmap is the fan's id, so nothing has to be translated; ids of 2^32 and above do not fit.
"""

import heapq
from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

# So many fans are looked at in no more time than everybody.
SMALL_SET = 10_000
Numbers = npt.NDArray[np.int64]
Value = str | int | tuple[str | None, ...]
# The ids of the fans that have a value, for each value: what is read from the tables.
Groups = dict[Value, "array[int]"]


def bitmap(fan_ids: Numbers) -> BitMap:
    """Return the set of some ids."""
    return BitMap(array("I", fan_ids.astype(np.uint32).tobytes()))


def by_block(fan_ids: npt.NDArray[Any], bits: int) -> Iterator[tuple[int, slice]]:
    """Yield the parts of ordered ids that are alike but for their last bits, with what comes before those."""
    if not fan_ids.size:
        return
    keys = fan_ids >> bits
    starts = [0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist()]
    for start, end in pairwise([*starts, fan_ids.size]):
        yield int(keys[start]), slice(start, end)


class Facet:
    """One bitmap of fans for each value of something; a fan may have several values."""

    def __init__(self, sets: Iterable[tuple[Value, bytes]] = ()) -> None:
        """Take what `stored` gave, if anything."""
        self.sets: dict[Value, BitMap] = {value: BitMap.deserialize(data) for value, data in sets}
        # The values by how many fans have each, until something changes.
        self._by_size: list[tuple[Value, BitMap, int]] | None = None

    def fans(self, values: Iterable[Value], candidates: BitMap) -> BitMap:
        """Return those of some fans that have one of the values."""
        return BitMap.union(BitMap(), *(self.sets[value] & candidates for value in values if value in self.sets))

    def remove(self, fans: BitMap) -> None:
        """Take away whatever values some fans have."""
        self._by_size = None
        empty = []
        for value, members in self.sets.items():
            if members.intersect(fans):
                members -= fans  # noqa: PLW2901 - changes the set itself
                if not members:
                    empty.append(value)
        for value in empty:
            del self.sets[value]

    def add(self, groups: Groups) -> None:
        """Give fans their values."""
        self._by_size = None
        for value, fan_ids in groups.items():
            if value in self.sets:
                self.sets[value] |= BitMap(fan_ids)
            else:
                self.sets[value] = BitMap(fan_ids)

    def largest(self, candidates: BitMap, limit: int) -> list[tuple[Value, int]]:
        """Return the values that the most of some fans have, with how many; ties by value, None last."""
        if self._by_size is None:
            sizes = ((value, having, len(having)) for value, having in self.sets.items())
            self._by_size = sorted(sizes, key=lambda each: -each[2])
        top: list[tuple[Value, int]] = []
        counts: list[int] = []
        for value, having, size in self._by_size:
            # No further value can be among the best.
            if len(counts) == limit and size < counts[0]:
                break
            if fan_count := having.intersection_cardinality(candidates):
                top.append((value, fan_count))
                heapq.heappush(counts, fan_count)
                if len(counts) > limit:
                    heapq.heappop(counts)
        return sorted(top, key=lambda each: (-each[1], in_order(each[0])))[:limit]

    def drop(self, value: Value) -> None:
        """Take a value away from whoever has it."""
        self._by_size = None
        self.sets.pop(value, None)

    def dump(self) -> Iterator[tuple[Value, bytes]]:
        """Yield each value with its bitmap as it is written down."""
        for value, having in self.sets.items():
            having.run_optimize()
            yield value, having.serialize()


def in_order(value: Value) -> tuple[tuple[bool, str], ...]:
    """Return what sorts values as the database sorts texts by their bytes, null last."""
    parts = value if isinstance(value, tuple) else (str(value),)
    return tuple((part is None, part or "") for part in parts)


class Column:
    """A whole number from 0 on for each fan who has one, as bitmaps of its bits: ranges, sums and the greatest."""

    def __init__(self, present: bytes | None = None, bits: Iterable[bytes] = ()) -> None:
        """Take what `stored` gave, if anything."""
        self.present = BitMap.deserialize(present) if present else BitMap()
        self.bits = [BitMap.deserialize(each) for each in bits]

    def at_least(self, number: int, candidates: BitMap) -> BitMap:
        """Return those of some fans whose number is no smaller.

        From the lowest bit up, who is above the number before it. Whole bits are taken faster than parts of them.
        """
        if number <= 0:
            return self.present & candidates
        are_few = len(candidates) < SMALL_SET
        bound = number - 1
        if bound >> len(self.bits):
            return BitMap()
        result = BitMap()
        for place, bit in enumerate(self.bits):
            if bound >> place & 1:
                result &= bit
            else:
                result |= bit & candidates if are_few else bit
        return result if are_few else result & candidates

    def exactly(self, number: int, candidates: BitMap) -> BitMap:
        """Return those of some fans with this number."""
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
        """Return the sum over some fans."""
        return sum(bit.intersection_cardinality(candidates) << place for place, bit in enumerate(self.bits))

    def greatest(self, candidates: BitMap) -> int | None:
        """Return the greatest number that one of some fans has."""
        rest = candidates & self.present
        if not rest:
            return None
        number = 0
        for place in reversed(range(len(self.bits))):
            if upper := rest & self.bits[place]:
                rest, number = upper, number | 1 << place
        return number

    def remove(self, fans: BitMap) -> None:
        """Take away the numbers of some fans."""
        self.present -= fans
        for bit in self.bits:
            bit -= fans  # noqa: PLW2901 - changes the set itself

    def add(self, numbers: Numbers, fan_ids: Numbers) -> None:
        """Give fans their numbers; a negative one is none."""
        has_one = numbers >= 0
        numbers, fan_ids = numbers[has_one], fan_ids[has_one]
        self.present |= bitmap(fan_ids)
        width = int(numbers.max(initial=0)).bit_length()
        self.bits += [BitMap() for _ in range(width - len(self.bits))]
        for place in range(width):
            self.bits[place] |= bitmap(fan_ids[(numbers >> place) & 1 == 1])

    def dump(self) -> tuple[bytes, list[bytes]]:
        """Return the bitmaps as they are written down."""
        for bit in (self.present, *self.bits):
            bit.run_optimize()
        return self.present.serialize(), [bit.serialize() for bit in self.bits]
