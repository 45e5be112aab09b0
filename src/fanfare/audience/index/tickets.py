"""The tickets of one account in columns, for criteria that describe the same ticket and for counts of tickets.

Tickets are in blocks of neighbouring fans, sorted by fan and order. A query is a few passes over small integers, the
tickets of a fan are adjacent, and a purchase rewrites one block.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from fanfare.audience.index.bitmaps import Numbers, by_block
from fanfare.search.criteria.plans import HasTickets

# A block has the fans whose ids differ only in this many low bits.
BLOCK_BITS = 18
COLUMNS = ("fan_id", "event", "price_code", "purchased", "seats", "paid", "sale")
# For up to this many fans their tickets are selected first; for more, all tickets are tested.
MAX_SINGLE_FANS = 5_000
MAX_UINT32 = np.iinfo(np.uint32).max
Column = npt.NDArray[Any]
Block = dict[str, Column]
Mask = npt.NDArray[np.bool_]


class TicketRows(msgspec.Struct):
    """Tickets as read from the table, sorted by fan and order.

    `numbers` are the other columns of `COLUMNS`; `sale` numbers the orders of each fan from 1 on, 0 for no order.
    """

    events: npt.NDArray[np.void]
    price_codes: list[str | None]
    numbers: dict[str, Numbers]


class StoredTickets(msgspec.Struct):
    """Tickets in the file of the index: each column with its dtype and bytes."""

    events: list[bytes]
    price_codes: list[str]
    blocks: dict[int, dict[str, tuple[str, bytes]]]


class Tickets:
    """All tickets of an account that are not deleted."""

    def __init__(self, state: StoredTickets | None = None) -> None:
        self._blocks: dict[int, Block] = {}
        # Numbers of events and price codes from 1 on; 0 means none.
        self._events: dict[bytes, int] = {}
        self._price_codes: dict[str, int] = {}
        if state:
            self._events = {event: number for number, event in enumerate(state.events, 1)}
            self._price_codes = {code: number for number, code in enumerate(state.price_codes, 1)}
            for key, columns in state.blocks.items():
                self._blocks[key] = {name: np.frombuffer(raw, kind).copy() for name, (kind, raw) in columns.items()}

    def dump(self) -> StoredTickets:
        """Return the tickets in the form of the file."""
        blocks = {
            key: {name: (column.dtype.str, column.tobytes()) for name, column in block.items()}
            for key, block in self._blocks.items()
        }
        return StoredTickets(list(self._events), list(self._price_codes), blocks)

    def add(self, tickets: TicketRows) -> None:
        """Add the tickets of fans who have none in the index yet."""
        uids, places = np.unique(tickets.events, return_inverse=True)
        events = [self._events.setdefault(event.tobytes(), len(self._events) + 1) for event in uids]
        codes = [
            0 if code is None else self._price_codes.setdefault(code, len(self._price_codes) + 1)
            for code in tickets.price_codes
        ]
        columns = {
            **tickets.numbers,
            "event": np.array(events, np.int64)[places],
            "price_code": np.array(codes, np.int64),
        }
        for key, rows in by_block(columns["fan_id"], BLOCK_BITS):
            new = {name: _small(columns[name][rows]) for name in COLUMNS}
            old = self._blocks.get(key)
            self._blocks[key] = new if old is None else _merge(old, new)

    def remove(self, fans: BitMap) -> None:
        """Delete the tickets of some fans."""
        for key, rows in self._rows(fans):
            self._blocks[key] = {name: np.delete(column, rows) for name, column in self._blocks[key].items()}
            if not self._blocks[key]["fan_id"].size:
                del self._blocks[key]

    def fans(self, criterion: HasTickets, candidates: BitMap) -> BitMap:
        """Return the candidates who have tickets as described."""
        if len(candidates) > MAX_SINGLE_FANS:
            return self._matching(criterion, self._blocks.values()) & candidates
        block_rows = self._rows(candidates)
        return self._matching(
            criterion, ({name: column[rows] for name, column in self._blocks[key].items()} for key, rows in block_rows)
        )

    def _rows(self, fans: BitMap) -> Iterator[tuple[int, Column]]:
        """Yield the indexes of some fans' tickets: the key of each block and the ascending indexes in it."""
        fan_ids = np.frombuffer(fans.to_array() if fans else array("I"), np.uint32)
        for key, indexes in by_block(fan_ids, BLOCK_BITS):
            if key not in self._blocks:
                continue
            column = self._blocks[key]["fan_id"]
            starts = np.searchsorted(column, fan_ids[indexes], "left")
            counts = np.searchsorted(column, fan_ids[indexes], "right") - starts
            ends = counts.cumsum()
            if ends[-1]:
                yield key, np.repeat(starts - ends + counts, counts) + np.arange(ends[-1])

    def _matching(self, criterion: HasTickets, blocks: Iterable[Block]) -> BitMap:
        result = BitMap()
        for block in blocks:
            mask = self._mask(block, criterion)
            if criterion.counts:
                fan_ids = _matching_fans(block, mask, criterion)
            else:
                fan_ids = block["fan_id"] if mask is None else block["fan_id"][mask]
            result |= BitMap(array("I", fan_ids.astype(np.uint32, copy=False).tobytes()))
        return result

    def _mask(self, block: Block, criterion: HasTickets) -> Mask | None:
        """Return which tickets of a block match, or None for all."""
        mask: Mask | None = None
        for each in self._tests(block, criterion):
            mask = each if mask is None else mask & each
        return mask

    def _tests(self, block: Block, criterion: HasTickets) -> Iterator[Mask]:
        if criterion.events is not None:
            is_match = np.zeros(len(self._events) + 1, np.bool_)
            is_match[[self._events.get(bytes.fromhex(event), 0) for event in criterion.events]] = True
            # Events without tickets have no number and were looked up as 0.
            is_match[0] = False
            yield is_match[block["event"]]
        if criterion.price_code is not None:
            yield block["price_code"] == self._price_codes.get(criterion.price_code, MAX_UINT32)
        if criterion.first is not None:
            yield block["purchased"] >= criterion.first
        if criterion.end is not None:
            yield block["purchased"] < criterion.end
        for bound, is_lower in ((criterion.lowest, True), (criterion.highest, False)):
            if bound is not None:
                paid, seats = block["paid"], block["seats"].astype(np.int64)
                yield (seats > 0) & (paid >= seats * bound if is_lower else paid <= seats * bound)


def _matching_fans(block: Block, mask: Mask | None, criterion: HasTickets) -> Column:
    """Return the fans of a block whose matching tickets are within the counts; inverted: who have some, but are not."""
    rows = {name: column if mask is None else column[mask] for name, column in block.items()}
    fan_ids = rows["fan_id"]
    if not fan_ids.size:
        return fan_ids
    is_first = np.r_[True, fan_ids[1:] != fan_ids[:-1]]
    starts = np.flatnonzero(is_first)
    is_within = np.ones(starts.size, np.bool_)
    for count in criterion.counts:
        numbers = rows[count.column]
        if count.column == "sale":
            # Each ticket without an order is a sale of its own; the tickets of an order are adjacent.
            numbers = is_first | (numbers == 0) | np.r_[True, numbers[1:] != numbers[:-1]]
        sums = np.add.reduceat(numbers, starts, dtype=np.int64)
        is_within &= (sums >= count.minimum) & (sums <= count.maximum)
    return fan_ids[starts][~is_within if criterion.is_inverted else is_within]


def _small(numbers: Numbers) -> Column:
    """Return numbers in the smallest unsigned type that fits, else int64; all these types can be promoted."""
    fits = numbers.min(initial=0) >= 0 and numbers.max(initial=0) <= MAX_UINT32
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))) if fits else np.int64)


def _merge(old: Block, new: Mapping[str, Column]) -> Block:
    places = np.searchsorted(old["fan_id"], new["fan_id"])
    merged = {}
    for name, column in old.items():
        kind = np.promote_types(column.dtype, new[name].dtype)
        merged[name] = np.insert(column.astype(kind, copy=False), places, new[name].astype(kind, copy=False))
    return merged
