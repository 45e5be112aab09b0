"""Fixes the fans that a job is about, in chunks: who comes to meet its criteria later is not among them."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.accounts.queries import account_by_id
from fanfare.fan_jobs.schemas import AWARD, ERASE, CurrentFanJob
from fanfare.kernel.data.db import Db
from fanfare.search.actions.running import complete_search
from fanfare.search.criteria.where import Condition, Where, where
from fanfare.search.queries.conditions import condition
from fanfare.search.queries.stored import criteria_in

FIX_SECONDS = 600
# Fans of a step, which is one transaction: an erasure changes dozens of tables.
CHUNKS = {ERASE: 10, AWARD: 500}
CHUNK = 1000
FIX = """
    insert into fan_job_chunks (account_id, fan_job_id, chunk_number, fan_ids)
    select $1, {job}, (place - 1) / {size}, array_agg(fan_id order by place)
    from (
        select f.fan_id, row_number() over (order by f.fan_id)::integer as place
        from fans f where f.account_id = $1 and {condition}) numbered
    group by (place - 1) / {size}
"""
OF_SEARCH = """f.fan_id in (
    select unnest(c.fan_ids) from search_chunks c where c.account_id = $1 and c.search_uid = {})"""
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
    return await _fix(db, account_id, job, where(account_id, [Condition("f.fan_id = any({}::bigint[])", (fan_ids,))]))


async def fix(db: Db, account_id: int, current: CurrentFanJob, now: datetime) -> int:
    """Fix the fans of a job in the caller's transaction; return their number.

    Unknown (404) for a search that has expired, BadParameters (422) for criteria that cannot be evaluated any more.
    """
    account = await account_by_id(db, account_id)
    if current.search_uid is None:
        query = await condition(db, account, criteria_in(current.criteria), now)
    else:
        await complete_search(db, account, current.search_uid, now)
        query = where(account_id, [Condition(OF_SEARCH, (current.search_uid,))])
    return await _fix(db, account_id, (current.fan_job_id, current.job_action), query)


async def _fix(db: Db, account_id: int, job: tuple[int, str], query: Where) -> int:
    fan_job_id, action = job
    await db.allow(FIX_SECONDS)
    args, (job_mark, size_mark) = query.with_arguments(fan_job_id, CHUNKS.get(action, CHUNK))
    marks = {"job": f"{job_mark}::bigint", "size": f"{size_mark}::integer"}
    await db.execute(query.statement(FIX, **marks), *args)
    count: int = await db.value(NOTE, account_id, fan_job_id)
    return count
