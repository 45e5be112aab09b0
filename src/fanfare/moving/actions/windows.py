"""Reads lists that have a window of days: windows become shorter where an answer is full and has no cursor."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from fanfare.moving.actions.state import Move
from fanfare.moving.gateways import REFUSED_VALUES, Answer, RefusedCall
from fanfare.moving.schemas import Page, Row

# Nothing in the source is older.
BEGIN = date(2000, 1, 1)
WIDEST = 4096

Days = Callable[[Move, date, date, str | None], Awaitable[Answer]]
OneDay = Callable[[Move, date, list[Row]], Awaitable[tuple[list[Row], bool]]]


def last_day(move: Move) -> date:
    """Return a day that no row is behind."""
    return datetime.fromtimestamp(move.now().timestamp(), UTC).date() + timedelta(days=1)


class Windows(NamedTuple):
    """A list that is read by days.

    `read` gets the first day, the last one and the cursor that the source gave, and returns at most `limit` rows.
    `read_day` gets a day and the rows that `read` gave of it, as many as it can, and returns those that are found
    otherwise, and whether they are all.
    """

    limit: int
    read: Days
    read_day: OneDay


class _Window(NamedTuple):
    """The first day of a window, the number of its days, and the cursor in it that the source gave."""

    first: date
    span: int
    cursor: str | None = None

    def text(self) -> str:
        """Return it as a cursor of a table, such as 2026-01-01:30."""
        return ":".join([str(self.first), str(self.span), *([self.cursor] if self.cursor else [])])


async def read_days(move: Move, cursor: str | None, windows: Windows) -> Page:
    """Return the rows of the next days, with the day of which the source does not give all."""
    first, span, place = _window(cursor)
    # Tomorrow somewhere.
    last_day = move.now().date() + timedelta(days=1)
    while True:
        last = min(first + timedelta(days=span - 1), last_day)
        rows, next_cursor, is_full = await _rows(move, (first, last, place), windows)
        if is_full and next_cursor:
            return Page(rows, _Window(first, span, next_cursor).text())
        if not is_full or span == 1:
            break
        span, place = max(1, min(span, (last - first).days + 1) // 2), None
    is_complete = True
    if is_full:
        rows, is_complete = await windows.read_day(move, first, rows)
    following = last + timedelta(days=1)
    span = min(span * 2, WIDEST) if len(rows) * 2 < windows.limit else span
    next_place = _Window(following, span).text() if following <= last_day else None
    return Page(rows, next_place, incomplete_days=() if is_complete else (first,))


async def _rows(
    move: Move, window: tuple[date, date, str | None], windows: Windows
) -> tuple[list[Row], str | None, bool]:
    """Return the rows of some days behind a cursor, the cursor behind them, and whether there may be more."""
    first, last, _ = window
    try:
        rows, cursor = await windows.read(move, *window)
    except RefusedCall as refused:
        if refused.status not in REFUSED_VALUES or first == last:
            raise
        return [], None, True
    return rows, cursor, len(rows) >= windows.limit


def _window(cursor: str | None) -> _Window:
    if cursor is None:
        return _Window(BEGIN, WIDEST)
    day, span, *rest = cursor.split(":", 2)
    return _Window(date.fromisoformat(day), int(span), *rest)
