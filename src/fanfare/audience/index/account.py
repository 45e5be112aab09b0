"""The index of one account: its bitmaps and columns, and how parts of them are replaced."""

import numpy as np
from pyroaring import BitMap

from fanfare.audience.index.bitmaps import Column, Facet, bitmap
from fanfare.audience.index.loading import COLUMNS, FACETS, Piece
from fanfare.audience.index.places import Areas, Spots
from fanfare.audience.index.tickets import Tickets

# The columns that keep texts, by numbers of their own.
CODED = ("postal_code",)
# The part that holds each fan.
EVERYONE = "number"


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
