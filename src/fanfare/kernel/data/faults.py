"""Faults of work on accounts: each is noted with its account, or the thing of it that has it, and tried again later.

The notes are rows, so all workers rest alike, a restart forgets nothing, and whoever looks after the server or the
thing can see them.
"""

from datetime import datetime, timedelta

import asyncpg

from fanfare.kernel.data.db import OUTAGES, Db, Record
from fanfare.kernel.errors import Refusal, Unavailable

# A fault is tried again after so many seconds, then after twice as many, and so on.
FIRST_REST, LONGEST_REST = 5, 3600
DOUBLED_MOST = 10


def will_pass(error: BaseException) -> bool:
    """Tell whether an error is the database's or the moment's rather than that of the work.

    A statement that is broken off took longer than any may.
    """
    return isinstance(error, (*OUTAGES, Unavailable)) and not isinstance(error, asyncpg.QueryCanceledError)


def words_of(error: BaseException) -> str:
    """Return what an error may be called where it is seen; a refusal has words of its own."""
    if isinstance(error, Refusal):
        return error.detail
    return "takes too long" if isinstance(error, asyncpg.QueryCanceledError) else f"fails ({type(error).__name__})"


async def note(db: Db, place: tuple[int, str, str], words: str, now: datetime) -> None:
    """Note that the work of a place failed: an account, a job, and the thing's id or nothing."""
    # The other values are counted from the number of failures, which the row alone knows.
    await db.execute(
        """
        insert into faults as f (account_id, job_name, subject_id, fault, fail_count, failed_at, retry_at)
        values ($1, $2, $3, $4, 1, $5::timestamptz, $5::timestamptz + $6::interval)
        on conflict (account_id, job_name, subject_id) do update
        set fault = excluded.fault, fail_count = f.fail_count + 1, failed_at = excluded.failed_at,
            retry_at = excluded.failed_at + least($6::interval * 2 ^ least(f.fail_count, $7), $8::interval)
        """,
        *place,
        words,
        now,
        timedelta(seconds=FIRST_REST),
        DOUBLED_MOST,
        timedelta(seconds=LONGEST_REST),
    )


async def clear(db: Db, account_id: int, job_name: str, *subject_ids: str) -> None:
    """Forget the faults of some things: the work succeeded, or is another now."""
    await db.execute(
        "delete from faults where account_id = $1 and job_name = $2 and subject_id = any($3::text[])",
        account_id,
        job_name,
        list(subject_ids),
    )


async def of_accounts(db: Db, job_name: str) -> dict[int, datetime]:
    """Return the accounts for which a job failed, with when each is tried again."""
    # What all accounts rest from is read at once.
    sql = "select account_id, retry_at from faults where account_id is not null and job_name = $1 and subject_id = ''"
    return {row["account_id"]: row["retry_at"] for row in await db.rows(sql, job_name)}


async def counts(db: Db) -> list[Record]:
    """Return how many accounts and things have a fault, by job."""
    sql = "select job_name, count(*) as count from faults where account_id is not null group by job_name order by 1"
    return await db.rows(sql)
