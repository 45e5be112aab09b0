"""Shapes of moves: pages that are read, outcomes that are written, and the report."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from fanfare.kernel.parameters import Params, read

P = TypeVar("P", bound=Params)
Row = Mapping[str, Any]
FANS = "fans"


class Page(msgspec.Struct, frozen=True):
    """Rows of a table of the source; `cursor` leads to the next page and is null on the last one.

    After a crash a move continues at `checkpoint`: for sources that forget their place, it is an earlier one. Of
    `incomplete_days` the source has more rows than its calls give.
    """

    rows: list[Row]
    cursor: str | None
    checkpoint: str | None = None
    incomplete_days: tuple[date, ...] = ()


class Place(msgspec.Struct, frozen=True):
    """The names that a part of a table is asked for by, and the key of the page in it, null for the first one."""

    names: tuple[str, ...]
    key: str | None = None


def place_of(cursor: str) -> Place:
    """Return the place that a cursor says."""
    return msgspec.json.decode(cursor, type=Place)


class Outcome(msgspec.Struct):
    """What became of a row: its id here, null if it is not here, and why, or what is different here.

    A fan with `is_erased` was erased here, and stays out of each later run.
    """

    foreign_id: str
    own_id: str | None = None
    notes: list[str] = []
    is_erased: bool = False

    def note(self, text: str) -> None:
        """Add a reason, once."""
        if text not in self.notes:
            self.notes = [*self.notes, text]


class Options(msgspec.Struct, frozen=True):
    """What the source cannot list: networks of purchases and scans, and groups of scans."""

    networks: tuple[str, ...] = ()
    scan_groups: tuple[str, ...] = ()


class Hooks(msgspec.Struct, frozen=True):
    """The clock, and what is called with a table and the number of rows of each page; None at the end of the table."""

    now: Callable[[], datetime]
    progress: Callable[[str, int | None], None]


class Reason(msgspec.Struct):
    """Why rows are not here or different, and how many."""

    reason: str
    row_count: int


class TableReport(msgspec.Struct):
    """Parity of a table: rows that were read, those that are here now, and those that are different or not here, why.

    `there` is the source's own count, null where no call gives it; rows that it counts and nobody read are different.
    `unknown_fields` are fields of the source that are read nowhere, with the number of rows; `left_out` those that are
    left out on purpose, and why. Of `incomplete_days` the source has more rows than its calls give. With a `limit` it
    lists no more than so many rows, and may have others.
    """

    table: str
    there: int | None
    rows_read: int
    here: int
    different: int
    reasons: list[Reason]
    unknown_fields: dict[str, int]
    left_out: dict[str, str]
    incomplete_days: list[date]
    limit: int | None = None


class MoveReport(msgspec.Struct):
    """The end of a move: its tables, what is not moved, and how many calls were made."""

    account_id: int
    source_url: str
    tables: list[TableReport]
    not_moved: list[str]
    call_count: int


def printable(text: str) -> str:
    """Return a text of the source as it may be printed on a terminal, which obeys control characters."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def params_of(kind: type[P], fields: Mapping[str, Any]) -> P:
    """Return fields of the source as the parameters of a call here; BadParameters (422) names every wrong one."""
    return read(kind, {name: [value] for name, value in fields.items() if value not in (None, "")})
