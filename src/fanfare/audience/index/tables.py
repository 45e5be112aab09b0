"""Numbers of fans in arrays, looked up by fan id: for data with too many different values for bitmaps.

Fans are grouped in blocks of 1,024 consecutive ids, and a directory has the offset of each block. A lookup of many fans
is a few passes over arrays of ids. Sparse ids waste some bytes per fan.
"""

from array import array
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from fanfare.audience.index.bitmaps import Numbers

BLOCK_BITS = 10
NO_VALUE = -1
OFFSET_MASK = (1 << BLOCK_BITS) - 1
Values = npt.NDArray[np.int32]


class StoredTable(msgspec.Struct):
    """A table in the file of the index: the bytes of int64 and int32 arrays."""

    directory: bytes
    columns: list[bytes]


class Table:
    """A number (0 or more) or `NO_VALUE` for each fan, in each of some columns."""

    def __init__(self, width: int, state: StoredTable | None = None) -> None:
        """Create a table of `width` columns, with the content of `state` if there is one."""
        # The first block stays empty: the directory points there for blocks that do not exist.
        self._directory = np.zeros(1, np.int64)
        self._columns = np.full((width, 1 << BLOCK_BITS), NO_VALUE, np.int32)
        if state:
            self._directory = np.frombuffer(state.directory, np.int64).copy()
            self._columns = np.array([np.frombuffer(column, np.int32) for column in state.columns])

    def dump(self) -> StoredTable:
        """Return the table in the form of the file."""
        return StoredTable(self._directory.tobytes(), [column.tobytes() for column in self._columns])

    def put(self, fan_ids: Numbers, *columns: npt.NDArray[Any]) -> None:
        """Set the numbers of fans, one array per column; a negative number means no value."""
        if fan_ids.size:
            self._make_room(fan_ids >> BLOCK_BITS)
            self._columns[:, self._slots(fan_ids)] = np.array(columns)

    def remove(self, fans: BitMap) -> None:
        """Delete the numbers of some fans."""
        slots = self._slots(ids_of(fans))
        self._columns[:, slots[slots > OFFSET_MASK]] = NO_VALUE

    def columns(self, fans: BitMap) -> list[Values]:
        """Return the numbers of some fans, ordered by fan id, in each column; `NO_VALUE` for fans without one."""
        slots = self._slots(ids_of(fans))
        return [np.take(column, slots) for column in self._columns]

    def _make_room(self, keys: Numbers) -> None:
        extra = int(keys.max()) + 1 - self._directory.size
        if extra > 0:
            self._directory = np.concatenate((self._directory, np.zeros(extra, np.int64)))
        new_keys = np.unique(keys[self._directory[keys] == 0])
        if new_keys.size:
            width, first = self._columns.shape
            self._directory[new_keys] = first + (np.arange(new_keys.size) << BLOCK_BITS)
            added = np.full((width, new_keys.size << BLOCK_BITS), NO_VALUE, np.int32)
            self._columns = np.concatenate((self._columns, added), axis=1)

    def _slots(self, fan_ids: Numbers) -> Numbers:
        """Return the indexes of fans in the columns; for fans of a missing block they are in the first block."""
        keys = fan_ids >> BLOCK_BITS
        if keys.size and int(keys.max()) >= self._directory.size:
            keys = np.where(keys < self._directory.size, keys, 0)
            return np.where(fan_ids >> BLOCK_BITS == keys, self._directory[keys] + (fan_ids & OFFSET_MASK), 0)
        return np.take(self._directory, keys) + (fan_ids & OFFSET_MASK)


def ids_of(fans: BitMap) -> Numbers:
    """Return the ids of fans in ascending order."""
    return np.frombuffer(fans.to_array() if fans else array("I"), np.uint32).astype(np.int64)
