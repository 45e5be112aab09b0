"""The index of one account in memory, and how parts of it are replaced."""

import numpy as np
from pyroaring import BitMap

from fanfare.audience.index.bitmaps import Column, Facet, bitmap
from fanfare.audience.index.loading import COLUMNS, FACETS, Batch
from fanfare.audience.index.places import Areas, Spots
from fanfare.audience.index.tickets import Tickets

# Columns of texts, which are stored as numbers.
TEXT_COLUMNS = ("postal_code",)
# The part with a row for every fan.
FAN_PART = "number"


class AccountIndex:
    """The index of one account. Days are in the time zone `zone`.

    `fans` are all fans, `facets` sets of fans by value, `columns` numbers of fans, `text_numbers` the numbers of texts.
    """

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.fans = BitMap()
        self.facets = {name: Facet() for names in FACETS.values() for name in names}
        self.columns = {name: Column() for names in COLUMNS.values() for name in names}
        self.text_numbers: dict[str, dict[str, int]] = {name: {} for name in TEXT_COLUMNS}
        self.tickets = Tickets()
        self.areas = Areas()
        self.spots = Spots()

    def add(self, part: str, batch: Batch) -> None:
        """Add a batch to a part. Its fans must not have values in this part yet: `remove` them first."""
        for name, groups in batch.facets.items():
            self.facets[name].add(groups)
        for name, runs in batch.texts.items():
            text_numbers = self.text_numbers[name]
            numbers = [text_numbers.setdefault(text, len(text_numbers)) for text in runs.values]
            self.columns[name].add(np.repeat(np.array(numbers, np.int64), runs.counts), runs.fan_ids)
        if batch.areas is not None:
            self.areas.put(batch.areas.values, batch.areas.counts, batch.areas.fan_ids)
        if batch.tickets is not None:
            self.tickets.add(batch.tickets)
        if batch.fan_ids is None:
            return
        for name, values in batch.columns.items():
            self.columns[name].add(values, batch.fan_ids)
        if batch.spots is not None:
            self.spots.put(batch.fan_ids, *batch.spots)
        if part == FAN_PART:
            self.fans |= bitmap(batch.fan_ids)

    def remove(self, part: str, fans: BitMap) -> None:
        """Remove some fans from a part."""
        if part == FAN_PART:
            self.fans -= fans
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
        """Remove a value from all fans."""
        self.facets[facet].drop(int(key) if facet == "tag" else key)
