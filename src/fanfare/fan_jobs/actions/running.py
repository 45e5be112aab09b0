"""Carries out fan jobs in steps, each a transaction: the fans are fixed, then each chunk is done, then the job ends."""

import uuid
from collections.abc import AsyncIterator
from datetime import datetime

from fanfare.accounts.queries import account_by_id
from fanfare.exports.actions.exports import create_export
from fanfare.exports.schemas.exports import NewExport
from fanfare.fan_jobs.actions.fixing import fix
from fanfare.fan_jobs.actions.steps import STEPS
from fanfare.fan_jobs.queries.fan_jobs import chunk, next_fan_job
from fanfare.fan_jobs.schemas import EXPORT, CurrentFanJob
from fanfare.fan_jobs.topics import FAN_JOB_COMPLETED, FAN_JOB_FAILED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.file_work import FileWork, work_for_a_turn
from fanfare.kernel.errors import BadParameters, Conflict, Refusal, Unavailable
from fanfare.search.actions.storing import store_set
from fanfare.segments.actions.snapshots import create_snapshot
from fanfare.segments.schemas.filters import NewSnapshot


class FanCountChanged(Conflict):
    """The number of fans is another one by now"""


async def work(db: Db, account_id: int, now: datetime) -> bool:
    """Work on an account's jobs for a few seconds; return whether there was anything to do."""
    return await work_for_a_turn(db, account_id, now, WORK)


async def _step(db: Db, account_id: int, current: CurrentFanJob, now: datetime) -> None:
    """Do the next step of a job; part of the caller's transaction."""
    if current.fan_count is None:
        _check_count(current, await fix(db, account_id, current, now))
        return
    # Ids of fans were fixed when the job was made.
    _check_count(current, current.fan_count)
    if current.job_action not in STEPS:
        result_uid = await _make(db, account_id, current, now)
        await db.execute(COMPLETE, account_id, current.fan_job_id, now, result_uid, current.fan_count)
        return
    fan_ids = await chunk(db, account_id, current.fan_job_id, current.next_chunk)
    if not fan_ids:
        await db.execute(COMPLETE, account_id, current.fan_job_id, now, None, 0)
        return
    count = await STEPS[current.job_action](db, account_id, current, fan_ids, now)
    await db.execute(MOVE, account_id, current.fan_job_id, len(fan_ids), count, now)


def _check_count(current: CurrentFanJob, fan_count: int) -> None:
    if current.expected_count not in (None, fan_count):
        message = f"there are {fan_count} fans by now, not {current.expected_count}; nothing was done"
        raise FanCountChanged(message)


async def _make(db: Db, account_id: int, current: CurrentFanJob, now: datetime) -> uuid.UUID:
    """Make the export or the snapshot of the fans of a job and return its uid."""
    account = await account_by_id(db, account_id)
    search_uid = await store_set(db, account_id, _chunks(db, account_id, current), now)
    if current.job_action == EXPORT:
        return (await create_export(db, account, NewExport(table="fans", search_uid=search_uid), now)).export_uid
    snapshot = NewSnapshot(snapshot_name=current.snapshot_name or "", search_uid=search_uid)
    return (await create_snapshot(db, account, snapshot, now)).snapshot_uid


async def _chunks(db: Db, account_id: int, current: CurrentFanJob) -> AsyncIterator[list[int]]:
    number = 0
    while fan_ids := await chunk(db, account_id, current.fan_job_id, number):
        yield fan_ids
        number += 1


async def _count_failure(db: Db, account_id: int, current: CurrentFanJob) -> None:
    await db.execute(
        "update fan_jobs set failure_count = failure_count + 1 where account_id = $1 and fan_job_id = $2",
        account_id,
        current.fan_job_id,
    )


async def _fail(db: Db, account_id: int, current: CurrentFanJob, now: datetime, description: str) -> None:
    await db.execute(FAIL, account_id, current.fan_job_id, now, description)


def _reason(error: Exception) -> str | None:
    """Return why a refusal ends a job; a message about criteria may name a person, so it is not repeated."""
    if isinstance(error, BadParameters):
        return "its criteria cannot be evaluated any more"
    is_final = isinstance(error, Refusal) and not isinstance(error, Unavailable)
    return str(error) if is_final else None


MOVE = """
    update fan_jobs
    set next_chunk = next_chunk + 1, done_count = done_count + $3, changed_count = changed_count + $4, updated_at = $5,
        failure_count = 0
    where account_id = $1 and fan_job_id = $2
"""
FORGET = """
    forgotten as (
        delete from fan_job_chunks c using ended where c.account_id = $1 and c.fan_job_id = ended.fan_job_id
    )
"""
COMPLETE = f"""
    with {HOLD},
    ended as (
        update fan_jobs
        set job_state = 'completed', finished_at = $3, updated_at = $3, result_uid = $4, done_count = done_count + $5,
            changed_count = changed_count + $5
        where account_id = $1 and fan_job_id = $2
        returning fan_job_id, fan_job_uid, done_count, changed_count
    ),
    {FORGET}
    {announce(FAN_JOB_COMPLETED, "ended", at="$3")}
"""  # noqa: S608 - fixed parts
FAIL = f"""
    with {HOLD},
    ended as (
        update fan_jobs
        set job_state = 'failed', criteria = null, finished_at = $3, updated_at = $3, failure = $4
        where account_id = $1 and fan_job_id = $2 and job_state = 'running'
        returning fan_job_id, fan_job_uid, done_count, changed_count
    ),
    {FORGET}
    {announce(FAN_JOB_FAILED, "ended", at="$3")}
"""  # noqa: S608 - fixed parts
WORK = FileWork(next_fan_job, _step, _fail, _count_failure, _reason)
