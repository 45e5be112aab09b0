"""The file in which the index of one account is saved: a CRC-32 in four bytes, then MessagePack."""

import zlib
from datetime import datetime

import msgspec
from pyroaring import BitMap

from fanfare.audience.index.account import AccountIndex
from fanfare.audience.index.bitmaps import Column, Facet
from fanfare.audience.index.places import Areas, Spots, StoredAreas
from fanfare.audience.index.tables import StoredTable
from fanfare.audience.index.tickets import StoredTickets, Tickets

# Raise it with each change of the structs below, or of those of the columns; a file of another format is not read.
FORMAT = 6
CHECKSUM_BYTES = 4


class LogState(msgspec.Struct, frozen=True):
    """The changes of the change log that an index contains.

    These are all up to `position`, whose time is `occurred_at` (None before the first change), and those at
    `later_positions`: they were committed while a lower position could still appear.
    """

    position: int
    occurred_at: datetime | None
    later_positions: frozenset[int]


class StoredIndex(msgspec.Struct):
    """The content of the file. `source` names the format and the database schema that it was made from."""

    source: str
    zone: str
    log_state: LogState
    fans: bytes
    facets: dict[str, list[tuple[int | str | tuple[str | None, ...], bytes]]]
    columns: dict[str, tuple[bytes, list[bytes]]]
    text_numbers: dict[str, dict[str, int]]
    tickets: StoredTickets
    areas: StoredAreas
    spots: StoredTable


def to_bytes(index: AccountIndex, source: str, log_state: LogState) -> bytes:
    """Return the content of the file of an index. `from_bytes` reads it."""
    state = StoredIndex(
        source, index.zone, log_state, index.fans.serialize(),
        {name: list(facet.dump()) for name, facet in index.facets.items()},
        {name: column.dump() for name, column in index.columns.items()},
        index.text_numbers, index.tickets.dump(), index.areas.dump(), index.spots.dump(),
    )  # fmt: skip
    data = msgspec.msgpack.encode(state)
    return _checksum(data) + data


def from_bytes(data: bytes, source: str, zone: str) -> tuple[AccountIndex, LogState] | None:
    """Return the index in a file, or None when the file is damaged or has another source or time zone.

    Raises `msgspec.ValidationError` (a ValueError) for a file of another format.
    """
    if len(data) < CHECKSUM_BYTES or _checksum(data[CHECKSUM_BYTES:]) != data[:CHECKSUM_BYTES]:
        return None
    state = msgspec.msgpack.decode(data[CHECKSUM_BYTES:], type=StoredIndex)
    if (state.source, state.zone) != (source, zone):
        return None
    index = AccountIndex(zone)
    index.fans = BitMap.deserialize(state.fans)
    index.facets |= {name: Facet(sets) for name, sets in state.facets.items()}
    index.columns |= {name: Column(*parts) for name, parts in state.columns.items()}
    index.text_numbers |= state.text_numbers
    index.tickets = Tickets(state.tickets)
    index.areas = Areas(state.areas)
    index.spots = Spots(state.spots)
    return index, state.log_state


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(CHECKSUM_BYTES, "big")
