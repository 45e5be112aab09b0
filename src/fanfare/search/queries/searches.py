"""Reads stored searches: how much of their set is stored, their position, and the fans in some rows."""

import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.search.schemas.search import SEARCH_HOURS, FanSearch
from fanfare.search.schemas.sets import CHUNK, ids_in

# How many fans are looked up at once to find one who still exists.
LOOKUP = 1000


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
        select s.criteria, s.created_at, s.newest_fan_id, c.end_row, c.is_last, c.last_fan_id
        from searches s
        cross join lateral (
            select d.end_row, d.is_last,
                   coalesce(d.last_fan_id, d.fan_ids[cardinality(d.fan_ids)], 0) as last_fan_id
            from search_chunks d
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
    last, newest = row["last_fan_id"], row["newest_fan_id"]
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
        select c.first_row, c.fan_set, c.fan_ids from search_chunks c
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
        first, end = max(row - each["first_row"], 0), row + limit - each["first_row"]
        # What was stored before version 160 of the schema has no bitmaps.
        result += each["fan_ids"][first:end] if each["fan_set"] is None else ids_in(each["fan_set"], first, end)
    return result


async def all_ids(db: Db, account_id: int, search_uid: uuid.UUID) -> AsyncIterator[list[int]]:
    """Yield the ids of the whole set of a search, at most `CHUNK` at a time, in order."""
    row = 0
    while ids := await fan_ids(db, account_id, search_uid, row, CHUNK):
        yield ids
        row += len(ids)


async def next_present(db: Db, account_id: int, search_uid: uuid.UUID, row: int) -> int | None:
    """Return the first row from `row` on whose fan still exists, or None."""
    while ids := await fan_ids(db, account_id, search_uid, row, LOOKUP):
        first: int | None = await db.value(
            "select min(fan_id) from fans where account_id = $1 and fan_id = any($2::bigint[])", account_id, ids
        )
        if first is not None:
            return row + ids.index(first)
        row += len(ids)
    return None
