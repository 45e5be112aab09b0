"""Reads lists that have a window of days and no pages: windows become shorter where an answer is full."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from fanfare.kernel.errors import CannotRun
from fanfare.moving.actions.state import Move
from fanfare.moving.gateways import RefusedCall
from fanfare.moving.schemas import Page, Row

# Nothing in the source is older.
BEGIN = date(2000, 1, 1)
WIDEST = 4096
# A source that refuses a window as too wide.
REFUSED = frozenset({400, 422})

Days = Callable[[Move, date, date], Awaitable[list[Row]]]


async def read_days(move: Move, cursor: str | None, limit: int, read: Days) -> Page:
    """Return the rows of the next days: `read` gets the first and the last one, and returns at most `limit` rows.

    The cursor is the first day and the number of days, such as 2026-01-01:30.
    """
    first, span = _place(cursor)
    # Tomorrow somewhere.
    last_day = move.now().date() + timedelta(days=1)
    while True:
        last = min(first + timedelta(days=span - 1), last_day)
        rows, is_full = await _rows(move, first, last, limit, read)
        if not is_full:
            break
        if span == 1:
            message = f"a day has more rows than a call gives: {first}"
            raise CannotRun(message)
        span = max(1, min(span, (last - first).days + 1) // 2)
    following = last + timedelta(days=1)
    span = min(span * 2, WIDEST) if len(rows) * 2 < limit else span
    return Page(rows, f"{following}:{span}" if following <= last_day else None)


async def _rows(move: Move, first: date, last: date, limit: int, read: Days) -> tuple[list[Row], bool]:
    """Return the rows of some days, and whether there may be more than those."""
    try:
        rows = await read(move, first, last)
    except RefusedCall as refused:
        if refused.status not in REFUSED or first == last:
            raise
        return [], True
    return rows, len(rows) >= limit


def _place(cursor: str | None) -> tuple[date, int]:
    if cursor is None:
        return BEGIN, WIDEST
    day, _, span = cursor.partition(":")
    return date.fromisoformat(day), int(span)
