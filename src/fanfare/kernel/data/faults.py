"""Faults of background work: each is recorded with its account, or the object it concerns, and retried later.

They are rows, so that all workers pause alike, a restart loses nothing, and operators and users can see them.
"""

from datetime import datetime, timedelta

import asyncpg

from fanfare.kernel.data.db import OUTAGES, Db, Record
from fanfare.kernel.errors import Refusal, Unavailable

# The delay before the first retry, in seconds; it doubles with each failure up to the longest.
FIRST_DELAY, MAX_DELAY_SECONDS = 5, 3600
MAX_DOUBLINGS = 10


def is_transient(error: BaseException) -> bool:
    """Return whether an error is transient: the fault of the database or of load, not of the work.

    A statement that was cancelled for its timeout is not transient.
    """
    return isinstance(error, (*OUTAGES, Unavailable)) and not isinstance(error, asyncpg.QueryCanceledError)


def description_of(error: BaseException) -> str:
    """Return a description of an error that may be shown to users; that of a refusal is its own text."""
    if isinstance(error, Refusal):
        return error.detail
    return "takes too long" if isinstance(error, asyncpg.QueryCanceledError) else f"fails ({type(error).__name__})"


async def note(db: Db, place: tuple[int, str, str], words: str, now: datetime) -> None:
    """Record a failure; `place` is the account, the job, and the id of the object or an empty string."""
    # The delay depends on the number of failures, which is only known in the row.
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
        timedelta(seconds=FIRST_DELAY),
        MAX_DOUBLINGS,
        timedelta(seconds=MAX_DELAY_SECONDS),
    )


async def clear(db: Db, account_id: int, job_name: str, *subject_ids: str) -> None:
    """Delete the faults of some objects: their work succeeded or has changed."""
    await db.execute(
        "delete from faults where account_id = $1 and job_name = $2 and subject_id = any($3::text[])",
        account_id,
        job_name,
        list(subject_ids),
    )


async def retry_times(db: Db, job_name: str) -> dict[int, datetime]:
    """Return the accounts for which a job failed, with the time of the next attempt."""
    # One query for all accounts.
    sql = "select account_id, retry_at from faults where account_id is not null and job_name = $1 and subject_id = ''"
    return {row["account_id"]: row["retry_at"] for row in await db.rows(sql, job_name)}


async def counts(db: Db) -> list[Record]:
    """Return the number of accounts and objects with a fault, by job."""
    sql = "select job_name, count(*) as count from faults where account_id is not null group by job_name order by 1"
    return await db.rows(sql)
