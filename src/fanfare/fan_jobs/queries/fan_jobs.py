"""Reads fan jobs, and takes the next one to work on."""

import uuid

from fanfare.fan_jobs.schemas import ROWS, CurrentFanJob, FanJob, FanJobMeta, FanJobWindow
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page, below, newest_first
from fanfare.kernel.errors import Unknown

COLUMNS = """
    fan_job_id, fan_job_uid, job_action as action, job_state as state, tag_name, point_uid, point_count, snapshot_name,
    fan_count, done_count, changed_count, result_uid, failure,
    floor(extract(epoch from created_at))::bigint as creation_timestamp,
    floor(extract(epoch from finished_at))::bigint as finish_timestamp
"""
CURRENT = """
    fan_job_id, fan_job_uid, job_action, criteria, search_uid, tag_name, point_uid, point_count, snapshot_name,
    expected_count, fan_count, next_chunk, failure_count
"""


async def fan_jobs(db: Db, account_id: int, query: FanJobWindow) -> Page[FanJobMeta, FanJob]:
    """Return fan jobs, the newest first."""
    limit, bound = query.limit or ROWS, await settled(db, account_id)
    rows = await db.rows(
        f"select {COLUMNS} from fan_jobs where account_id = $1 and fan_job_id < $2 order by fan_job_id desc limit $3",  # noqa: S608 - fixed parts
        account_id,
        below(query.max_fan_job_id, bound),
        limit + 1,
    )
    data = [FanJob(**row) for row in rows[:limit]]
    return newest_first(FanJobMeta, data, "fan_job_id", query.max_fan_job_id, has_more=len(rows) > limit)


async def fan_job(db: Db, account_id: int, fan_job_uid: uuid.UUID) -> FanJob:
    """Return a fan job; Unknown (404)."""
    row = await db.row(
        f"select {COLUMNS} from fan_jobs where account_id = $1 and fan_job_uid = $2",  # noqa: S608 - fixed parts
        account_id,
        fan_job_uid,
    )
    if row is None:
        raise Unknown(fan_job=fan_job_uid)
    return FanJob(**row)


async def accounts_due(db: Db) -> list[int]:
    """Return the accounts with a fan job to work on."""
    # One query for all accounts.
    rows = await db.rows(
        "select distinct account_id from fan_jobs where account_id is not null and job_state = 'running' order by 1"
    )
    return [row["account_id"] for row in rows]


async def next_fan_job(db: Db, account_id: int) -> CurrentFanJob | None:
    """Return the oldest job of an account that runs and that no other worker has, locked; None if there is none."""
    row = await db.row(
        f"""
        select {CURRENT} from fan_jobs where account_id = $1 and job_state = 'running'
        order by fan_job_id limit 1 for no key update skip locked
        """,  # noqa: S608 - fixed parts
        account_id,
    )
    return None if row is None else CurrentFanJob(**row)


async def chunk(db: Db, account_id: int, fan_job_id: int, number: int) -> list[int]:
    """Return the ids in a chunk of a job, those of deleted fans too; none behind the last chunk."""
    fan_ids: list[int] | None = await db.value(
        "select fan_ids from fan_job_chunks where account_id = $1 and fan_job_id = $2 and chunk_number = $3",
        account_id,
        fan_job_id,
        number,
    )
    return fan_ids or []
