"""Reads days that have more rows than a call gives, of a source without cursors: by moments, fans, or performances.

Each function gets the rows that the call gave of the day, and returns those that it finds, and whether they are all.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from fanfare.moving.actions.rows import moment
from fanfare.moving.actions.state import Move
from fanfare.moving.gateways import REFUSED_VALUES, RefusedCall
from fanfare.moving.schemas import Row

POINTS_PATH = "/api/v1/crm/fan_points"
TAGS_PATH = "/api/v1/crm/tags"
REGISTRATIONS_PATH = "/api/v1/crm/registrations"
ROWS = 10_000
REGISTRATIONS_LIMIT = 1000
# A source may give more at once than the rows that are asked for usually.
HIGH_LIMIT = 100_000
# A day of any time zone is between these hours of that of GMT.
ZONE_BOUNDS = timedelta(hours=-14), timedelta(hours=36)
SECOND = timedelta(seconds=1)
PERFORMANCES = """
    select foreign_id from moved_rows
    where account_id = $1 and move_id = $2 and table_name = 'performances' order by foreign_id
"""
DayRead = tuple[list[Row], bool]


async def tags_of_day(move: Move, day: date, rows: Sequence[Row]) -> DayRead:
    """Read the tags of a day by moments: windows are halved, down to a second."""
    midnight = datetime.combine(day, time(), UTC)
    windows = [(midnight + ZONE_BOUNDS[0], midnight + ZONE_BOUNDS[1])]
    by_key: dict[str, Row] = {}
    is_complete = True
    while windows:
        begin, end = windows.pop()
        # Whether a window contains its begin is not documented.
        part = await _rows(move, TAGS_PATH, start_date=_text(begin - SECOND), end_date=_text(end))
        if part is None or not _are_between(part, begin - SECOND, end):
            is_complete = False
            break
        by_key.update((tag_key(row), row) for row in part)
        if len(part) >= ROWS:
            if end - begin <= SECOND:
                is_complete = False
            else:
                middle = (begin + (end - begin) / 2).replace(microsecond=0)
                windows += [(begin, middle), (middle, end)]
    # A source that knows days alone may answer such windows, but not with these rows.
    is_complete = is_complete and all(tag_key(row) in by_key for row in rows)
    return list({**{tag_key(row): row for row in rows}, **by_key}.values()), is_complete


async def points_of_day(move: Move, day: date, rows: Sequence[Row]) -> DayRead:
    """Read the awards of a day fan by fan, as its leaderboard lists them."""
    window = {"start_date": day, "end_date": day}
    board = None
    for limit in (HIGH_LIMIT, ROWS):
        if board is None:
            board = await _rows(move, POINTS_PATH, **window, leaderboard="true", limit=limit)
    fan_ids = {int(row["fan_id"]) for row in board or () if row.get("fan_id")}
    is_complete = len(fan_ids) not in (ROWS, HIGH_LIMIT) and fan_ids >= {int(row["fan_id"]) for row in rows}
    by_key = {str(row["fan_point_uid"]): row for row in rows}
    for fan_id in sorted(fan_ids):
        part = await _rows(move, POINTS_PATH, **window, fan_id=fan_id, limit=ROWS)
        is_complete = is_complete and part is not None and len(part) < ROWS
        by_key.update((str(row["fan_point_uid"]), row) for row in part or ())
    return list(by_key.values()), is_complete


async def registrations_of_day(move: Move, day: date, rows: Sequence[Row]) -> DayRead:
    """Read the registrations of a day at once if the source takes a high limit, else for each performance."""
    window = {"start_date": day, "end_date": day}
    part = await _rows(move, REGISTRATIONS_PATH, **window, limit=HIGH_LIMIT)
    if part is not None and len(part) > REGISTRATIONS_LIMIT:
        return part, len(part) < HIGH_LIMIT
    by_key = {registration_key(row): row for row in rows}
    performances = await move.db.rows(PERFORMANCES, move.account.id, move.move_id)
    for uid in (row["foreign_id"] for row in performances):
        part = await _rows(move, REGISTRATIONS_PATH, **window, performance_uid=uid, limit=REGISTRATIONS_LIMIT)
        by_key.update((registration_key(row), row) for row in part or ())
    # There may be others, of no performance.
    return list(by_key.values()), False


def tag_key(row: Row) -> str:
    """Return the key of a tag of a fan."""
    return f"{row['tag_id']}:{row['fan_id']}"


def registration_key(row: Row) -> str:
    """Return the key of a registration in an account."""
    return f"{row['network']}:{row['registration_key']}"


async def _rows(move: Move, path: str, **params: object) -> list[Row] | None:
    """Return the rows of a call, None if the source does not take these parameters."""
    try:
        return (await move.source.rows(path, **params)).rows
    except RefusedCall as refused:
        if refused.status not in REFUSED_VALUES:
            raise
        return None


def _text(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def _are_between(rows: Iterable[Row], begin: datetime, end: datetime) -> bool:
    moments = (moment(row.get("creation_timestamp")) for row in rows)
    return all(each is not None and begin <= each <= end for each in moments)
