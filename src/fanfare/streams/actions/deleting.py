"""Deletes records: old ones, those of deleted streams, those of a fan, and those that their source deleted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.streams.actions.counting import count, removals
from fanfare.streams.actions.slices import forget_slices
from fanfare.streams.topics import STREAM_RECORD_DELETED

BATCH = 2000
HOUR = timedelta(hours=1)

DELETE = f"""
    with {HOLD},
    deleted as (
        delete from stream_records where account_id = $1 and feed_record_id = any($2::bigint[])
        returning feed_record_id, stream_id, author_id, created_at, labels, record_status, reach
    ),
    removals as ({removals("deleted")}),
    {count("removals")},
    announced as (
        {announce(STREAM_RECORD_DELETED, "deleted", at="coalesce($3::timestamptz, now())")}
    )
    select count(*) from deleted
"""  # noqa: S608 - fixed parts
OLD = """
    select o.feed_record_id from streams s
    cross join lateral (
        select r.feed_record_id from stream_records r
        where r.account_id = $1 and r.stream_id = s.stream_id
          and r.created_at < $2::timestamptz - make_interval(days => s.retention_days)
        limit $3) as o
    where s.account_id = $1 and s.retention_days is not null and s.deleted_at is null
    limit $3
"""
# Counts go with the row of the stream.
DELETE_OF_STREAMS = """
    with deleted as (
        delete from stream_records where account_id = $1 and feed_record_id in (
            select r.feed_record_id from streams s
            join stream_records r on r.account_id = $1 and r.stream_id = s.stream_id
            where s.account_id = $1 and s.deleted_at is not null
            limit $2)
        returning feed_record_id
    )
    select count(*) from deleted
"""
DELETE_AUTHORS_OF_STREAMS = """
    with gone as (
        select a.author_id from streams s join stream_authors a on a.account_id = $1 and a.stream_id = s.stream_id
        where s.account_id = $1 and s.deleted_at is not null
          and not exists (select from stream_records r where r.account_id = $1 and r.author_id = a.author_id)
        order by a.author_id limit $2 for update of a skip locked
    ),
    deleted as (
        delete from stream_authors a using gone where a.account_id = $1 and a.author_id = gone.author_id
        returning a.author_id
    )
    select count(*) from deleted
"""
DELETE_STREAMS = """
    delete from streams s
    where s.account_id = $1 and s.deleted_at is not null
      and not exists (select from stream_records r where r.account_id = $1 and r.stream_id = s.stream_id)
"""
# Whom staff trusts or has blocked stays. Whoever stores a record has locked its author: it is left for the next time.
DELETE_AUTHORS = """
    with gone as (
        select a.author_id from stream_authors a
        where a.account_id = $1 and a.stored_count = 0 and a.author_status = 'new'
          and not exists (select from stream_records r where r.account_id = $1 and r.author_id = a.author_id)
        order by a.author_id limit $2 for update skip locked
    ),
    deleted as (
        delete from stream_authors a using gone where a.account_id = $1 and a.author_id = gone.author_id
        returning a.author_id
    )
    select count(*) from deleted
"""
# It is of use for the hour in which an author is limited.
FORGET_SENDERS = """
    with old as (
        select r.feed_record_id from stream_records r
        where r.account_id = $1 and r.sender_key is not null and r.stored_at < $2
        order by r.feed_record_id limit $3 for no key update skip locked
    ),
    changed as (
        update stream_records r set sender_key = null from old
        where r.account_id = $1 and r.feed_record_id = old.feed_record_id
        returning r.feed_record_id
    )
    select count(*) from changed
"""


async def delete_records(db: Db, account_id: int, record_ids: Sequence[int], now: datetime | None = None) -> int:
    """Delete records and return their number; without a time that of the transaction is announced."""

    async def write(handle: Db) -> int:
        deleted: int = await handle.value(DELETE, account_id, list(record_ids), now)
        return deleted

    return await db.retry_conflicts(write)


async def forget_records(db: Db, account_id: int, now: datetime) -> None:
    """Delete records that are older than their stream keeps them, in batches, and slices of which nothing is left."""
    while rows := await db.rows(OLD, account_id, now, BATCH):
        await delete_records(db, account_id, [row["feed_record_id"] for row in rows], now)
    await forget_slices(db, account_id)


async def forget_streams(db: Db, account_id: int) -> None:
    """Delete what deleted streams had, in batches, and then themselves."""
    for statement in (DELETE_OF_STREAMS, DELETE_AUTHORS_OF_STREAMS):
        while await db.value(statement, account_id, BATCH) == BATCH:
            pass
    await db.execute(DELETE_STREAMS, account_id)


async def forget_authors(db: Db, account_id: int) -> None:
    """Delete authors of whom nothing is left, in batches."""
    while await db.value(DELETE_AUTHORS, account_id, BATCH) == BATCH:
        pass


async def forget_senders(db: Db, account_id: int, now: datetime) -> None:
    """Clear whose records were limited together, once the hour of the limit is over."""
    while await db.value(FORGET_SENDERS, account_id, now - HOUR, BATCH) == BATCH:
        pass
