"""Sets of fans as they are stored: chunks of ids in order, each as a compressed bitmap (Roaring, of 64 bits).

A set of 100,000 of 1,000,000 fans takes 140 kB, as numbers 800. docs/decisions/0092-sets-of-searches.md
"""

import struct
from array import array
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from pyroaring import BitMap, BitMap64

Fans = TypeVar("Fans", BitMap, BitMap64)
# A page is read from one chunk or two.
CHUNK = 16_384
# The beginning of a bitmap of 64 bits whose ids are all below 2^32: one part, and the upper half of its ids.
SHORT_IDS = struct.pack("<QI", 1, 0)
# An array of bigint as PostgreSQL sends it: its head, then for each number its length (4 bytes) and its 8 bytes.
ARRAY_HEAD, NUMBER_HEAD, NUMBER = 20, 4, 8


class Chunk(msgspec.Struct, frozen=True):
    """A part of a set: its first row, the row behind its last one, its last fan (0 without rows), and its fans."""

    first_row: int
    end_row: int
    last_fan_id: int
    bitmap: bytes


class FanSet(msgspec.Struct, frozen=True):
    """A set with its number of fans and the ids of its first page."""

    count: int
    fan_ids: list[int]
    chunks: list[Chunk]


def chunks(fans: Fans, first_row: int = 0) -> list[Chunk]:
    """Return a set in chunks whose rows begin at `first_row`; that of nobody is one chunk without rows."""
    if not fans:
        return [Chunk(first_row, first_row, 0, BitMap64().serialize())]
    parts = [rows_of(fans, row, row + CHUNK) for row in range(0, len(fans), CHUNK)]
    rows = [first_row + number * CHUNK for number in range(len(parts))]
    return [Chunk(row, row + len(part), part.max(), _compressed(part)) for row, part in zip(rows, parts, strict=True)]


def rows_of(fans: Fans, first: int, end: int) -> Fans:
    """Return the fans of some rows, of which the first must be there: a slice, which would go from fan to fan."""
    part = type(fans)()
    part.add_range(fans[first], (fans[end - 1] if end < len(fans) else fans.max()) + 1)
    part &= fans
    return part


def _compressed(part: BitMap | BitMap64) -> bytes:
    part.run_optimize()
    data: bytes = part.serialize()
    return SHORT_IDS + data if isinstance(part, BitMap) else data


def set_of(fan_ids: Sequence[int]) -> BitMap64:
    """Return ids as a set."""
    return BitMap64(fan_ids)


def ids_in(bitmap: bytes, first: int, end: int) -> list[int]:
    """Return the ids in some rows of a chunk, counted from its first."""
    return list(BitMap64.deserialize(bitmap)[first:end])


def set_in_array(data: bytes | None) -> BitMap64:
    """Return the set of ids in an array of bigint as PostgreSQL sends it, None for no array."""
    if data is None:
        return BitMap64()
    step = NUMBER_HEAD + NUMBER
    numbers = bytearray((len(data) - ARRAY_HEAD) // step * NUMBER)
    for place in range(NUMBER):
        # The highest byte comes first there, and last here.
        numbers[NUMBER - 1 - place :: NUMBER] = data[ARRAY_HEAD + NUMBER_HEAD + place :: step]
    ids = array("Q")
    ids.frombytes(bytes(numbers))
    return BitMap64(ids)
