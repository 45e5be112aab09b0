"""The index of one account: its bitmaps, how parts of them are replaced, and how they are written down."""

import zlib
from datetime import datetime

import msgspec
import numpy as np
from pyroaring import BitMap

from fanfare.audience.bitmaps import Column, Facet, bitmap
from fanfare.audience.places import Areas, Spots, StoredAreas
from fanfare.audience.reading import COLUMNS, FACETS, Piece
from fanfare.audience.sold import StoredTickets, Tickets
from fanfare.audience.tables import StoredTable

# The columns that keep texts, by numbers of their own.
CODED = ("postal_code",)
# The part that holds each fan.
EVERYONE = "number"


class LogPosition(msgspec.Struct, frozen=True):
    """How far the change log is in the index: up to the change at `position`, and the later ones in `seen`."""

    position: int
    occurred_at: datetime | None
    seen: frozenset[int]


class Stored(msgspec.Struct):
    """An index as it is written down. What it was made from is named, so that no other is answered from it."""

    source: str
    zone: str
    place: LogPosition
    everyone: bytes
    facets: dict[str, list[tuple[int | str | tuple[str | None, ...], bytes]]]
    columns: dict[str, tuple[bytes, list[bytes]]]
    codes: dict[str, dict[str, int]]
    tickets: StoredTickets
    areas: StoredAreas
    spots: StoredTable


class Audience:
    """Who has which value of each criterion, in one account; days are days of the zone."""

    def __init__(self, zone: str) -> None:
        """Begin without anybody."""
        self.zone = zone
        self.everyone = BitMap()
        self.facets = {name: Facet() for names in FACETS.values() for name in names}
        self.columns = {name: Column() for names in COLUMNS.values() for name in names}
        self.codes: dict[str, dict[str, int]] = {name: {} for name in CODED}
        self.tickets = Tickets()
        self.areas = Areas()
        self.spots = Spots()

    def add(self, part: str, piece: Piece) -> None:
        """Put in what was read; whom it was read of must have been removed from this part before."""
        for name, groups in piece.facets.items():
            self.facets[name].add(groups)
        for name, runs in piece.texts.items():
            codes = self.codes[name]
            numbers = np.array([codes.setdefault(text, len(codes)) for text in runs.values], dtype=np.int64)
            self.columns[name].add(np.repeat(numbers, runs.counts), runs.fan_ids)
        if piece.areas is not None:
            self.areas.put(piece.areas.values, piece.areas.counts, piece.areas.fan_ids)
        if piece.sold is not None:
            self.tickets.add(piece.sold)
        if piece.fan_ids is None:
            return
        for name, numbers_read in piece.columns.items():
            self.columns[name].add(numbers_read, piece.fan_ids)
        if piece.spots is not None:
            self.spots.put(piece.fan_ids, *piece.spots)
        if part == EVERYONE:
            self.everyone |= bitmap(piece.fan_ids)

    def remove(self, part: str, fans: BitMap) -> None:
        """Take away all that a part holds of some fans."""
        if part == EVERYONE:
            self.everyone -= fans
            self.spots.remove(fans)
        if part == "text":
            self.areas.remove(fans)
        if part == "ticket":
            self.tickets.remove(fans)
        for name in FACETS[part]:
            self.facets[name].remove(fans)
        for name in COLUMNS[part]:
            self.columns[name].remove(fans)

    def forget(self, facet: str, key: str) -> None:
        """Take away a value from whoever has it."""
        self.facets[facet].drop(int(key) if facet == "tag" else key)

    def dump(self, source: str, place: LogPosition) -> bytes:
        """Return the index in the form that `read` takes, behind a checksum."""
        state = Stored(
            source, self.zone, place, self.everyone.serialize(),
            {name: list(facet.dump()) for name, facet in self.facets.items()},
            {name: column.dump() for name, column in self.columns.items()},
            self.codes, self.tickets.dump(), self.areas.dump(), self.spots.dump(),
        )  # fmt: skip
        data = msgspec.msgpack.encode(state)
        return zlib.crc32(data).to_bytes(4, "big") + data


def read(data: bytes, source: str, zone: str) -> tuple[Audience, LogPosition] | None:
    """Return the index that was written down, or None when it is damaged or was made from something else."""
    if len(data) < 4 or zlib.crc32(data[4:]).to_bytes(4, "big") != data[:4]:  # noqa: PLR2004 - the checksum
        return None
    state = msgspec.msgpack.decode(data[4:], type=Stored)
    if (state.source, state.zone) != (source, zone):
        return None
    audience = Audience(zone)
    audience.everyone = BitMap.deserialize(state.everyone)
    audience.facets |= {name: Facet(sets) for name, sets in state.facets.items()}
    audience.columns |= {name: Column(*parts) for name, parts in state.columns.items()}
    audience.codes |= state.codes
    audience.tickets = Tickets(state.tickets)
    audience.areas = Areas(state.areas)
    audience.spots = Spots(state.spots)
    return audience, state.place
