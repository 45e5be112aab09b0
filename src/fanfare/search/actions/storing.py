"""Stores searches and the chunks of their sets."""

import uuid
from collections.abc import AsyncIterable, Sequence
from datetime import datetime

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Arrays, Sql
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch
from fanfare.search.schemas.sets import Chunk, chunks, set_of

PARTS = Arrays("part", {"first_row": "integer", "end_row": "integer", "last_fan_id": "bigint", "bitmap": "bytea"})
ADD = f"""
    insert into search_chunks (account_id, search_uid, first_row, end_row, last_fan_id, fan_set, is_last)
    select $1, :search_uid::uuid, part.first_row, part.end_row, part.last_fan_id, part.bitmap,
           :has_end and part.place = max(part.place) over ()
    from {PARTS.unnest("part", place="place")}
"""  # noqa: S608 - fixed parts
START = Sql(f"""
    with started as (
        insert into searches (account_id, search_uid, criteria, newest_fan_id, next_row, created_at)
        values ($1, :search_uid, :criteria, :newest_fan_id, :next_row, :created_at)
    )
    {ADD}
""")  # noqa: S608 - fixed parts
CONTINUE = Sql(ADD)


def _parts(parts: Sequence[Chunk]) -> dict[str, object]:
    return PARTS.arguments([msgspec.structs.asdict(each) for each in parts])


async def store_search(db: Db, account_id: int, search: Search, parts: Sequence[Chunk], next_row: int) -> None:
    """Store a search with its set, or the part of it that is there, and the row from which it is read next."""
    criteria = msgspec.to_builtins(msgspec.structs.replace(search.query, search_uid=None))
    await db.execute(
        START,
        account_id,
        search_uid=search.search_uid,
        criteria={name: value for name, value in criteria.items() if value is not None},
        newest_fan_id=search.newest_fan_id,
        next_row=next_row,
        created_at=search.created_at,
        has_end=search.is_complete,
        **_parts(parts),
    )


async def store_chunks(
    db: Db, account_id: int, search_uid: uuid.UUID, parts: Sequence[Chunk], *, has_end: bool
) -> None:
    """Store more of the set of a search; `has_end`: with the last of its chunks."""
    await db.execute(CONTINUE, account_id, search_uid=search_uid, has_end=has_end, **_parts(parts))


async def store_set(db: Db, account_id: int, fan_ids: AsyncIterable[list[int]], now: datetime) -> uuid.UUID:
    """Store a search of fans who are fixed elsewhere, ids ascending, in the caller's transaction; return its uid."""
    search_uid, row, newest = uuid.uuid4(), 0, 0
    async for ids in fan_ids:
        await store_chunks(db, account_id, search_uid, chunks(set_of(ids), row), has_end=False)
        row, newest = row + len(ids), ids[-1]
    # The last chunk is an empty one.
    search = Search(search_uid, FanSearch(), now, newest, row, newest, is_complete=True)
    await store_search(db, account_id, search, chunks(set_of([]), row), 0)
    return search_uid
