"""The tables of streams in merges and erasures of fans."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.fans.followers import Person
from fanfare.kernel.data.db import Db, Record
from fanfare.streams.actions.deleting import delete_records
from fanfare.streams.schemas.entries import MAIL_NETWORKS, MAIL_PREFIX

TABLES = ("stream_authors", "stream_records")


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the authors and records of one fan to another."""
    await db.execute(
        """
        with update_authors as (
            update stream_authors set fan_id = $3 where account_id = $1 and fan_id = $2
        )
        update stream_records set fan_id = $3 where account_id = $1 and fan_id = $2
        """,
        account_id,
        old_fan_id,
        fan_id,
    )


# Whoever stores a record has locked its author: no record is added while the author is deleted.
OF_FAN = """
    select a.author_id from stream_authors a
    where a.account_id = $1 and (a.fan_id = $2 or a.author_id in (
        select r.author_id from stream_records r where r.account_id = $1 and r.fan_id = $2))
    order by a.author_id for update
"""
OF_ADDRESSES = """
    select author_id from stream_authors
    where account_id = $1 and network = any($3::text[]) and author_key = any($2::text[])
    order by author_id for update
"""


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete the records of a fan, and the authors that the fan was."""
    await _delete_authors(db, account_id, await db.rows(OF_FAN, account_id, fan_id))


async def forget_person(db: Db, account_id: int, person: Person, _: datetime) -> None:
    """Delete what came with an email address of the person, also before a fan had it."""
    keys = [f"{MAIL_PREFIX}{address}" for address in person.addresses]
    await _delete_authors(db, account_id, await db.rows(OF_ADDRESSES, account_id, keys, list(MAIL_NETWORKS)))


async def _delete_authors(db: Db, account_id: int, rows: Sequence[Record]) -> None:
    author_ids = [row["author_id"] for row in rows]
    if author_ids:
        records = "select feed_record_id from stream_records where account_id = $1 and author_id = any($2::bigint[])"
        record_ids = [row["feed_record_id"] for row in await db.rows(records, account_id, author_ids)]
        await delete_records(db, account_id, record_ids)
        await db.execute(
            "delete from stream_authors where account_id = $1 and author_id = any($2::bigint[])", account_id, author_ids
        )
