"""Writes a row by the action of its call here; wrong fields are left out, with a note, where that is possible."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fanfare.kernel.data.db import UNSTORABLE, Db
from fanfare.kernel.errors import BadParameters, Refusal, Unavailable
from fanfare.moving.schemas import Outcome, P, Row, params_of

# Moments of the source as texts have this form at least.
SHORTEST_TIME = 19


def picked(row: Row, *names: str) -> dict[str, Any]:
    """Return the fields of a row that have a value."""
    return {name: row[name] for name in names if row.get(name) not in (None, "", [], {})}


def attempts(outcome: Outcome, fields: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Callable[[Refusal], None]]]:
    """Yield the fields, and again without those that a refusal names, until none is left to leave out.

    Whoever iterates calls the function with the refusal of the last attempt, or ends.
    """
    is_open = True

    def refuse(refusal: Refusal) -> None:
        nonlocal is_open
        faulty = [each for each in refusal.errors if each[0] in fields] if isinstance(refusal, BadParameters) else []
        for name, message in faulty:
            outcome.note(f"{name}: {message}")
            fields.pop(name)
        if not faulty:
            outcome.note(refusal.detail)
        is_open = bool(faulty)

    while is_open:
        yield fields, refuse


async def saved(
    db: Db,
    kind: type[P],
    fields: Mapping[str, Any],
    outcome: Outcome,
    act: Callable[[Db, P], Awaitable[object]],
) -> None:
    """Write a row by an action, in a savepoint of the caller's transaction; what the action returns is the row's id."""
    for values, refuse in attempts(outcome, dict(fields)):
        try:
            async with db.transaction() as tx:
                outcome.own_id = str(await act(tx, params_of(kind, values)))
        except Unavailable:
            raise
        except Refusal as refusal:
            refuse(refusal)
        except UNSTORABLE:
            refuse(Refusal("cannot be stored"))
        else:
            return


def moment(value: object) -> datetime | None:
    """Return a time of the source, which is in unix seconds or a text; None if it is neither."""
    if isinstance(value, bool) or value in (None, ""):
        return None
    text = str(value)
    try:
        if text.replace(".", "", 1).isdigit() and len(text) < SHORTEST_TIME:
            return datetime.fromtimestamp(float(text), UTC)
        result = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return result if result.tzinfo else result.replace(tzinfo=UTC)


def earlier(now: datetime, *values: object) -> datetime:
    """Return the first time of the source that is not in the future, else now."""
    return next((each for value in values if (each := moment(value)) and each <= now), now)


def dated(outcome: Outcome, now: datetime, *values: object) -> datetime:
    """Return the time of a row there as `earlier` does, and note if it has none that can be read."""
    result = earlier(now, *values)
    if result == now:
        outcome.note("has the time of the move here: that of the source is missing, in the future, or cannot be read")
    return result


async def redate_changes(db: Db, account_id: int, position: int, now: datetime) -> None:
    """Let what this transaction announced occur now: rows have the time of the source, the change log has its own.

    Old changes are deleted, and readers who did not see them are refused.
    """
    await db.execute(
        "update changes set occurred_at = $3 where account_id = $1 and position > $2 and occurred_at < $3",
        account_id,
        position,
        now,
    )
