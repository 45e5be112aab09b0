"""Paging: what a page says about further rows, and a cursor for lists to which the contract gives none.

A list is ordered by an id that is a position (kernel/changes) and read up to the settled position. So a reader sees
every committed row once, however late it commits.
"""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

from fanfare.kernel.data.pool import Record
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.wire import MAX_ID, NOTHING, ChoiceForm, Form, word_of

M = TypeVar("M")
R = TypeVar("R")
S = TypeVar("S", bound=msgspec.Struct)
Order = Literal["asc", "desc"]


class IgnoredParameters(msgspec.Struct, kw_only=True):
    """Base of answers that list the parameters a call ignored: a mistyped criterion would silently find other fans."""

    ignored_parameters: Annotated[
        list[str] | msgspec.UnsetType,
        msgspec.Meta(
            description="Names that were sent and that the call does not know, at most 20; absent when there are none."
        ),
    ] = msgspec.UNSET


class Meta(IgnoredParameters, kw_only=True):
    """The fields in the meta of every page. `has_more` counts the rows that existed when the page was read."""

    has_more: bool


class Page(msgspec.Struct, Generic[M, R]):
    """Rows with the paging information."""

    meta: M
    data: list[R]


class RecordsPage(msgspec.Struct, Generic[M, R]):
    """A page whose rows are called records, as the contract has it in one place."""

    meta: M
    records: list[R]


class NextPage(msgspec.Struct, frozen=True):
    """The next page of a bare array: the value to send in `parameter`; None if there is nothing to continue from.

    It is sent in headers: X-Next-Cursor, and a Link to the next page while `has_more`.
    """

    parameter: str
    cursor: str | None
    has_more: bool


class ArrayPage(msgspec.Struct, Generic[R]):
    """A bare array with a page of a list."""

    data: list[R]
    next_page: NextPage


class Cursor(msgspec.Struct, frozen=True):
    """A place in a list: the order in which it is read, and the position of the last row that was read."""

    order: Order
    position: int

    def __str__(self) -> str:
        """Return the cursor as it is sent to clients."""
        return f"{self.order}.{self.position}"

    def span(self, settled: int) -> tuple[int, int]:
        """Return the exclusive bounds of the positions of the next rows."""
        return (self.position, settled + 1) if self.order == "asc" else (0, min(self.position, settled + 1))


class CursorForm(Form):
    """The cursor of an earlier response."""

    nothing = NOTHING
    pattern = re.compile(r"(asc|desc)\.([0-9]{1,18})")

    def read(self, raw: object) -> Cursor:
        """Return the cursor."""
        match = self.pattern.fullmatch(word_of(raw))
        if not match:
            message = "must be the cursor of an earlier response"
            raise ValueError(message)
        return Cursor("asc" if match[1] == "asc" else "desc", int(match[2]))

    def schema(self) -> dict[str, object]:
        """Return the pattern."""
        return {"type": "string", "pattern": f"^{self.pattern.pattern}$", "examples": ["asc.1042"]}


NextCursor = Annotated[
    Cursor | None, CursorForm(), "Continue where an earlier response ended: its X-Next-Cursor, or its meta.next_cursor."
]
ReadingOrder = Annotated[
    Order,
    ChoiceForm("asc", "desc"),
    "asc begins with the row stored first, desc with the last; a cursor includes its order.",
]


def start(cursor: Cursor | None, order: Order) -> Cursor:
    """Return the cursor, or one before the first row."""
    return cursor or Cursor(order, 0 if order == "asc" else MAX_ID)


class PageRows(msgspec.Struct, frozen=True):
    """The rows of a page, of which `column` has the positions, and the cursor of the next page."""

    records: Sequence[Record]
    column: str
    cursor: Cursor | None
    has_more: bool

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as keyword arguments, without their positions."""
        return [{name: value for name, value in row.items() if name != self.column} for row in self.records]

    def read(self, kind: type[S]) -> list[S]:
        """Return a struct for each row, whose fields have the names of the columns; positions are left out."""
        return read_rows(kind, self.records, self.column)

    @property
    def next_page(self) -> NextPage:
        """The next page by its cursor."""
        return NextPage("cursor", self.next_cursor, self.has_more)

    @property
    def next_cursor(self) -> str | None:
        """The next cursor as it is sent to clients."""
        return None if self.cursor is None else str(self.cursor)


def part(rows: Sequence[Record], limit: int, cursor: Cursor, column: str) -> PageRows:
    """Return the page from `limit` + 1 rows read after a cursor; `column` has their positions.

    In ascending order there is always a next cursor, from which a client polls for new rows. Descending, the list ends.
    """
    records = rows[:limit]
    has_more = len(rows) > limit
    end = Cursor(cursor.order, records[-1][column] if records else cursor.position)
    return PageRows(records, column, end if has_more or cursor.order == "asc" else None, has_more)


def newest_first(
    meta: Callable[..., M], data: list[R], key: str, requested: int | None, *, has_more: bool
) -> Page[M, R]:
    """Return a page of a list that is read from its newest row down; `key` names the position in each row.

    Below the last page stands what was requested.
    """
    lowest = getattr(data[-1], key) if data else requested
    return Page(meta(lowest, len(data), has_more=has_more), data)


def below(requested: int | None, settled: int) -> int:
    """Return the exclusive upper bound of a descending page: the one requested, capped by the settled position."""
    return settled + 1 if requested is None else min(requested, settled + 1)


def ends(
    ids: Sequence[int], window: tuple[int | None, int | None], settled: int, *, ascends: bool
) -> tuple[Order, int, int]:
    """Return the order of a feed's page, its lowest and its highest id; an empty page repeats the requested bounds."""
    order: Order = "asc" if ascends else "desc"
    if ids:
        return order, min(ids[0], ids[-1]), max(ids[0], ids[-1])
    asked_min, asked_max = window
    if ascends and asked_max is not None and asked_max > settled:
        # Rows below that bound may still appear, so the reader must not skip to it.
        asked_max = asked_min
    low = asked_min if asked_min is not None else asked_max
    high = asked_max if asked_max is not None else asked_min
    return order, low or 0, high or 0
