"""Fixes the fans that a job is about, in chunks: who comes to meet its criteria later is not among them."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.accounts.queries import account_by_id
from fanfare.fan_jobs.schemas import AWARD, ERASE, CurrentFanJob
from fanfare.kernel.data.db import Db
from fanfare.search.actions.running import complete_search
from fanfare.search.criteria.where import Condition, Where, where
from fanfare.search.queries.conditions import condition
from fanfare.search.queries.searches import all_ids
from fanfare.search.queries.stored import criteria_in

FIX_SECONDS = 600
# Fans of a step, which is one transaction: an erasure changes dozens of tables.
CHUNKS = {ERASE: 10, AWARD: 500}
CHUNK = 1000
FIX = """
    insert into fan_job_chunks (account_id, fan_job_id, chunk_number, fan_ids)
    select $1, {job}, {first} + (place - 1) / {size}, array_agg(fan_id order by place)
    from (
        select f.fan_id, row_number() over (order by f.fan_id)::integer as place
        from fans f where f.account_id = $1 and {condition}) numbered
    group by (place - 1) / {size}
"""
NOTE = """
    update fan_jobs
    set criteria = null, fan_count = (
        select coalesce(sum(cardinality(c.fan_ids)), 0) from fan_job_chunks c
        where c.account_id = $1 and c.fan_job_id = $2)
    where account_id = $1 and fan_job_id = $2
    returning fan_count
"""


async def fix_ids(db: Db, account_id: int, job: tuple[int, str], fan_ids: Sequence[int]) -> int:
    """Fix those of some fans who exist (job: id, action); return their number."""
    await db.allow(FIX_SECONDS)
    await _fix(db, job, _among(account_id, fan_ids))
    return await _note(db, account_id, job[0])


async def fix(db: Db, account_id: int, current: CurrentFanJob, now: datetime) -> int:
    """Fix the fans of a job in the caller's transaction; return their number.

    Unknown (404) for a search that has expired, BadParameters (422) for criteria that cannot be evaluated any more.
    """
    account = await account_by_id(db, account_id)
    job = current.fan_job_id, current.job_action
    await db.allow(FIX_SECONDS)
    if current.search_uid is None:
        await _fix(db, job, await condition(db, account, criteria_in(current.criteria), now))
    else:
        await complete_search(db, account, current.search_uid, now)
        first = 0
        async for fan_ids in all_ids(db, account_id, current.search_uid):
            first += await _fix(db, job, _among(account_id, fan_ids), first)
    return await _note(db, account_id, current.fan_job_id)


def _among(account_id: int, fan_ids: Sequence[int]) -> Where:
    return where(account_id, [Condition("f.fan_id = any({}::bigint[])", (fan_ids,))])


async def _fix(db: Db, job: tuple[int, str], query: Where, first: int = 0) -> int:
    """Store the chunks of those who meet a condition, numbered from `first` on; return how many chunks."""
    fan_job_id, action = job
    args, marks = query.with_arguments(fan_job_id, CHUNKS.get(action, CHUNK), first)
    parts = {"job": f"{marks[0]}::bigint", "size": f"{marks[1]}::integer", "first": f"{marks[2]}::integer"}
    status = await db.execute(query.statement(FIX, **parts), *args)
    return int(status.rpartition(" ")[2])


async def _note(db: Db, account_id: int, fan_job_id: int) -> int:
    count: int = await db.value(NOTE, account_id, fan_job_id)
    return count
