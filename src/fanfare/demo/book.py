"""Collects the rows to copy, under ids that were taken from the database."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from fanfare.demo.people import DemoPerson
from fanfare.fans.actions.consents import ConsentState
from fanfare.kernel.data.announcements import Topic

TableRow = tuple[object, ...]


class Ids(NamedTuple):
    """The ids taken from the database: by index in the programme; fans and positions in ascending order."""

    account_id: int
    businesses: Sequence[int]
    campaigns: Sequence[int]
    tags: Sequence[int]
    idols: Sequence[UUID]
    idol_events: Sequence[UUID]
    performances: Sequence[UUID]
    points: Sequence[UUID]
    # of the passes of each festival
    sections: Sequence[Sequence[UUID]]
    fans: Iterator[int]
    positions: Iterator[int]


class Fan(msgspec.Struct):
    """The current state of a fan; times are ISO 8601."""

    fan_id: int
    position: int
    person: DemoPerson
    source: str
    created_at: str
    updated_at: str
    consent: ConsentState
    values: dict[str, tuple[object, str]]


class Book:
    """Rows by table, and the change log."""

    def __init__(self, ids: Ids, tables: Iterable[str]) -> None:
        self.ids = ids
        self.tables: dict[str, list[TableRow]] = {table: [] for table in tables}

    def announce(self, topic: Topic, subject: object, fan_id: int | None, stamp: str, data: bytes = b"{}") -> int:
        """Add a change and return its position; with `subject` None the position is also the id of the subject."""
        position = next(self.ids.positions)
        subject_id = str(position if subject is None else subject)
        self.tables["changes"].append((self.ids.account_id, position, topic.name, subject_id, fan_id, stamp, data))
        return position
