"""Pages: what every part of a list says of the rest, and the cursor of lists to which the contract gives none.

A list is read in the order of an id that is a position (kernel/changes), no further than what is settled. So whoever
follows it sees each committed row once, however late it commits.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

from fanfare.kernel.data.pool import Record
from fanfare.kernel.wire import MAX_ID, NOTHING, ChoiceForm, Form, text_of

M = TypeVar("M")
R = TypeVar("R")
Order = Literal["asc", "desc"]


class Ignored(msgspec.Struct, kw_only=True):
    """Which parameters a call ignored: a mistyped criterion finds other fans than were meant."""

    ignored_parameters: Annotated[
        list[str] | msgspec.UnsetType,
        msgspec.Meta(
            description="Names that were sent and that the call does not know, at most 20; absent when there are none."
        ),
    ] = msgspec.UNSET


class Meta(Ignored, kw_only=True):
    """What the meta of every page says: whether more rows follow, of those that were there when it was read."""

    has_more: bool


class Page(msgspec.Struct, Generic[M, R]):
    """Rows with the paging information."""

    meta: M
    data: list[R]


class Following(msgspec.Struct, frozen=True):
    """How a bare array goes on: the value to send as that parameter; None when there is no place to go on from.

    It travels in headers: X-Next-Cursor, and a Link to the next page while `has_more`.
    """

    parameter: str
    cursor: str | None
    has_more: bool


class Listed(msgspec.Struct, Generic[R]):
    """A bare array of rows that is a part of a list."""

    data: list[R]
    following: Following


class Cursor(msgspec.Struct, frozen=True):
    """A place in a list: the order in which it is read, and the position of the last row that was."""

    order: Order
    position: int

    def __str__(self) -> str:
        """Return the cursor as it travels."""
        return f"{self.order}.{self.position}"

    def span(self, settled: int) -> tuple[int, int]:
        """Return the positions between which, both left out, the next rows lie."""
        return (self.position, settled + 1) if self.order == "asc" else (0, min(self.position, settled + 1))


class CursorForm(Form):
    """The cursor of an earlier answer."""

    nothing = NOTHING
    pattern = re.compile(r"(asc|desc)\.([0-9]{1,18})")

    def read(self, raw: object) -> Cursor:
        """Return the cursor."""
        match = self.pattern.fullmatch(text_of(raw).strip().lower())
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
    """Return the cursor, or the one that stands before the first row."""
    return cursor or Cursor(order, 0 if order == "asc" else MAX_ID)


class PageRows(msgspec.Struct, frozen=True):
    """The rows of a page as keyword arguments, and where the list goes on."""

    rows: list[dict[str, Any]]
    cursor: Cursor | None
    has_more: bool

    @property
    def following(self) -> Following:
        """Return how the list goes on by its cursor."""
        return Following("cursor", self.next_cursor, self.has_more)

    @property
    def next_cursor(self) -> str | None:
        """Return the next cursor as it travels."""
        return None if self.cursor is None else str(self.cursor)


def part(rows: Sequence[Record], limit: int, cursor: Cursor, column: str) -> PageRows:
    """Return the page among rows read from a cursor on, one more than it may hold; `column` has their positions.

    Upwards there always is a next cursor: a poller goes on from it when there is more. Downwards the list ends.
    """
    data = [dict(row) for row in rows[:limit]]
    positions = [row.pop(column) for row in data]
    has_more = len(rows) > limit
    end = Cursor(cursor.order, positions[-1] if positions else cursor.position)
    return PageRows(data, end if has_more or cursor.order == "asc" else None, has_more)


def below(requested: int | None, settled: int) -> int:
    """Return the bound, left out, of a page downwards: the one asked for, or what is settled."""
    return settled + 1 if requested is None else min(requested, settled + 1)


def ends(
    ids: Sequence[int], window: tuple[int | None, int | None], settled: int, *, ascends: bool
) -> tuple[Order, int, int]:
    """Return the order of a feed's page, its lowest and its highest id; an empty page repeats what was asked for."""
    order: Order = "asc" if ascends else "desc"
    if ids:
        return order, min(ids[0], ids[-1]), max(ids[0], ids[-1])
    asked_min, asked_max = window
    if ascends and asked_max is not None and asked_max > settled:
        # Rows below that bound may still come, so a reader must not be sent on to it.
        asked_max = asked_min
    low = asked_min if asked_min is not None else asked_max
    high = asked_max if asked_max is not None else asked_min
    return order, low or 0, high or 0
