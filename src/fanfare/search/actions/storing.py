"""Stores searches and the chunks of their sets."""

import uuid
from collections.abc import AsyncIterable, Sequence
from datetime import datetime

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch
from fanfare.search.schemas.sets import Chunk, chunks, set_of

START = """
    with started as (
        insert into searches (account_id, search_uid, criteria, newest_fan_id, next_row, created_at)
        values ($1, $2, $7, $8, $9, $10)
    )
    insert into search_chunks (account_id, search_uid, first_row, end_row, last_fan_id, fan_set, is_last)
    select $1, $2, c.first_row, c.end_row, c.last_fan_id, c.fan_set, $11 and c.place = cardinality($3::integer[])
    from unnest($3::integer[], $4::integer[], $5::bigint[], $6::bytea[])
        with ordinality c (first_row, end_row, last_fan_id, fan_set, place)
"""
ADD = """
    insert into search_chunks (account_id, search_uid, first_row, end_row, last_fan_id, fan_set, is_last)
    select $1, $2, c.first_row, c.end_row, c.last_fan_id, c.fan_set, $7 and c.place = cardinality($3::integer[])
    from unnest($3::integer[], $4::integer[], $5::bigint[], $6::bytea[])
        with ordinality c (first_row, end_row, last_fan_id, fan_set, place)
"""
Columns = tuple[list[int], list[int], list[int], list[bytes]]


def _columns(parts: Sequence[Chunk]) -> Columns:
    return (
        [each.first_row for each in parts],
        [each.end_row for each in parts],
        [each.last_fan_id for each in parts],
        [each.fan_set for each in parts],
    )


async def store_search(db: Db, account_id: int, search: Search, parts: Sequence[Chunk], next_row: int) -> None:
    """Store a search with its set, or the part of it that is there, and the row from which it is read next."""
    criteria = msgspec.to_builtins(msgspec.structs.replace(search.query, search_uid=None))
    await db.execute(
        START,
        account_id,
        search.search_uid,
        *_columns(parts),
        {name: value for name, value in criteria.items() if value is not None},
        search.newest_fan_id,
        next_row,
        search.created_at,
        search.is_complete,
    )


async def store_chunks(db: Db, account_id: int, search_uid: uuid.UUID, parts: Sequence[Chunk], *, is_end: bool) -> None:
    """Store more of the set of a search; `is_end`: with the last of its chunks."""
    await db.execute(ADD, account_id, search_uid, *_columns(parts), is_end)


async def store_set(db: Db, account_id: int, fan_ids: AsyncIterable[list[int]], now: datetime) -> uuid.UUID:
    """Store a search of fans who are fixed elsewhere, ids ascending, in the caller's transaction; return its uid."""
    search_uid, row, newest = uuid.uuid4(), 0, 0
    async for ids in fan_ids:
        await store_chunks(db, account_id, search_uid, chunks(set_of(ids), row), is_end=False)
        row, newest = row + len(ids), ids[-1]
    # The last chunk is an empty one.
    search = Search(search_uid, FanSearch(), now, newest, row, newest, is_complete=True)
    await store_search(db, account_id, search, chunks(set_of([]), row), 0)
    return search_uid
