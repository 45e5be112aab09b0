"""Numbers of fans, found by their ids: for what is added up or counted by more values than bitmaps are good for.

They lie in blocks of neighbouring ids, and a directory says where each block begins. So looking up many fans is a few
passes over their ids, and ids that come rarely cost some bytes a fan more.
"""

from array import array
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from fanfare.audience.index.bitmaps import Numbers

BITS = 10
NONE = -1
IN_BLOCK = (1 << BITS) - 1
Found = npt.NDArray[np.int32]


class StoredTable(msgspec.Struct):
    """A table as it is written down."""

    directory: bytes
    columns: list[bytes]


class Table:
    """For each fan a number from 0 on in each column, or none."""

    def __init__(self, width: int, state: StoredTable | None = None) -> None:
        """Take how many columns there are, and what `stored` gave, if anything."""
        # The first block is nobody's.
        self._directory = np.zeros(1, np.int64)
        self._columns = np.full((width, 1 << BITS), NONE, np.int32)
        if state:
            self._directory = np.frombuffer(state.directory, np.int64).copy()
            self._columns = np.array([np.frombuffer(column, np.int32) for column in state.columns])

    def dump(self) -> StoredTable:
        """Return the table as it is written down."""
        return StoredTable(self._directory.tobytes(), [column.tobytes() for column in self._columns])

    def put(self, fan_ids: Numbers, *columns: npt.NDArray[Any]) -> None:
        """Give fans their numbers; a negative one is none."""
        if fan_ids.size:
            self._make_room(fan_ids >> BITS)
            self._columns[:, self._slots(fan_ids)] = np.array(columns)

    def remove(self, fans: BitMap) -> None:
        """Take away the numbers of some fans."""
        slots = self._slots(ids_of(fans))
        self._columns[:, slots[slots > IN_BLOCK]] = NONE

    def columns(self, fans: BitMap) -> list[Found]:
        """Return the numbers of some fans in each column, `NONE` for none."""
        slots = self._slots(ids_of(fans))
        return [np.take(column, slots) for column in self._columns]

    def _make_room(self, keys: Numbers) -> None:
        extra = int(keys.max()) + 1 - self._directory.size
        if extra > 0:
            self._directory = np.concatenate((self._directory, np.zeros(extra, np.int64)))
        new_keys = np.unique(keys[self._directory[keys] == 0])
        if new_keys.size:
            width, first = self._columns.shape
            self._directory[new_keys] = first + (np.arange(new_keys.size) << BITS)
            added = np.full((width, new_keys.size << BITS), NONE, np.int32)
            self._columns = np.concatenate((self._columns, added), axis=1)

    def _slots(self, fan_ids: Numbers) -> Numbers:
        """Return where the numbers of fans lie; those without any share the first block."""
        keys = fan_ids >> BITS
        if keys.size and int(keys.max()) >= self._directory.size:
            keys = np.where(keys < self._directory.size, keys, 0)
            return np.where(fan_ids >> BITS == keys, self._directory[keys] + (fan_ids & IN_BLOCK), 0)
        return np.take(self._directory, keys) + (fan_ids & IN_BLOCK)


def ids_of(fans: BitMap) -> Numbers:
    """Return the ids of fans in order."""
    return np.frombuffer(fans.to_array() if fans else array("I"), np.uint32).astype(np.int64)
