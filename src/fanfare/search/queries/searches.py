"""Reads stored searches: how much of their set is stored, their position, and the fans in some rows."""

import uuid
from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.search.schemas.search import SEARCH_HOURS, FanSearch


class Search(msgspec.Struct, frozen=True):
    """A stored search. `newest_fan_id` was the largest fan id when it started.

    `rows` is the number of rows stored so far, `last_fan_id` the fan in the last of them (0 without rows); when
    `is_complete` they are the whole set.
    """

    search_uid: uuid.UUID
    query: FanSearch
    created_at: datetime
    newest_fan_id: int
    rows: int
    last_fan_id: int
    is_complete: bool


async def search(db: Db, account_id: int, search_uid: uuid.UUID, now: datetime) -> Search:
    """Return a search that started in the last 24 hours; Unknown (404)."""
    row = await db.row(
        """
        select s.criteria, s.created_at, s.newest_fan_id, c.end_row, c.is_last,
               c.fan_ids[c.end_row - c.first_row] as last_fan_id
        from searches s
        cross join lateral (
            select d.first_row, d.end_row, d.is_last, d.fan_ids from search_chunks d
            where d.account_id = $1 and d.search_uid = s.search_uid
            order by d.first_row desc
            limit 1) c
        where s.account_id = $1 and s.search_uid = $2 and s.created_at > $3
        """,
        account_id,
        search_uid,
        now - timedelta(hours=SEARCH_HOURS),
    )
    if row is None:
        message = f"No search of the last {SEARCH_HOURS} hours has the uid {search_uid}"
        raise Unknown(message)
    query = msgspec.convert(row["criteria"], FanSearch)
    last, newest = row["last_fan_id"] or 0, row["newest_fan_id"]
    return Search(search_uid, query, row["created_at"], newest, row["end_row"], last, row["is_last"])


async def next_row(db: Db, account_id: int, search_uid: uuid.UUID) -> int:
    """Return the row from which a search is read next, once no response is moving it. Unknown (404)."""
    row: int | None = await db.value(
        "select next_row from searches where account_id = $1 and search_uid = $2 for share", account_id, search_uid
    )
    if row is None:
        message = f"No search of the last {SEARCH_HOURS} hours has the uid {search_uid}"
        raise Unknown(message)
    return row


async def fan_ids(db: Db, account_id: int, search_uid: uuid.UUID, row: int, limit: int) -> list[int]:
    """Return the ids in `limit` rows of a search from `row` on, including those of deleted fans."""
    rows = await db.rows(
        """
        select c.first_row, c.fan_ids from search_chunks c
        where c.account_id = $1 and c.search_uid = $2 and c.first_row < $4 and c.end_row > $3
        order by c.first_row
        """,
        account_id,
        search_uid,
        row,
        row + limit,
    )
    result: list[int] = []
    for each in rows:
        first = each["first_row"]
        result += each["fan_ids"][max(row - first, 0) : row + limit - first]
    return result


async def next_present(db: Db, account_id: int, search_uid: uuid.UUID, row: int) -> int | None:
    """Return the first row from `row` on whose fan still exists, or None."""
    fan_id: int | None = await db.value(
        """
        select c.first_row + each.place - 1
        from search_chunks c
        cross join lateral unnest(c.fan_ids) with ordinality each (fan_id, place)
        join fans f on f.account_id = $1 and f.fan_id = each.fan_id
        where c.account_id = $1 and c.search_uid = $2 and c.end_row > $3 and c.first_row + each.place > $3
        order by c.first_row, each.place
        limit 1
        """,
        account_id,
        search_uid,
        row,
    )
    return fan_id
