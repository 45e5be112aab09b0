"""Starts and cancels fan jobs."""

import uuid
from datetime import datetime

from fanfare.fan_jobs.actions.fixing import fix_ids
from fanfare.fan_jobs.schemas import AWARD, SOURCES, UNTAG, FanJobCreated, NewFanJob
from fanfare.fan_jobs.topics import FAN_JOB_CANCELLED, FAN_JOB_CREATED
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.points.actions.awards import PointClosed
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import uses
from fanfare.search.queries.conditions import checked_context
from fanfare.search.queries.searches import search
from fanfare.search.queries.stored import storable

# Jobs of an account that run.
MAX_RUNNING = 20


class TooManyFanJobs(Conflict):
    """20 actions on many fans are running; wait for one, or cancel it"""


class FanJobEnded(Conflict):
    """The action has ended and can no longer be cancelled"""


CREATE = Sql(f"""
    with {HOLD},
    created as (
        insert into fan_jobs (account_id, fan_job_id, fan_job_uid, job_action, job_state, criteria, search_uid,
                              tag_name, point_uid, point_count, snapshot_name, expected_count, created_at, updated_at)
        select $1, nextval('positions'), gen_random_uuid(), :action, 'running', :criteria, :search_uid, :tag_name,
               :point_uid, :point_count, :snapshot_name, :fan_count, :now, :now
        from hold
        where (select count(*) from fan_jobs where account_id = $1 and job_state = 'running') < :max_running
        returning fan_job_id, fan_job_uid
    ),
    announced as (
        {announce(FAN_JOB_CREATED, "created", position="fan_job_id", at=":now")}
    )
    select fan_job_id, fan_job_uid from created
""")  # noqa: S608 - fixed parts
PLAIN = ("action", "search_uid", "tag_name", "point_uid", "point_count", "snapshot_name", "fan_count")


async def create_fan_job(db: Db, account: Account, new: NewFanJob, now: datetime) -> FanJobCreated:
    """Start a job. Unknown (404) tag, category or search; Conflict (409) for a closed category, or too many jobs.

    BadParameters (422) for criteria that cannot be evaluated.
    """
    criteria = Criteria(**{name: getattr(new, name) for name in Criteria.__struct_fields__})
    has_ids = new.fan_ids is not None or new.search_uid is not None
    if not (has_ids or new.is_everyone or [*uses(criteria)]):
        # A parameter that only modifies others chooses everybody.
        raise BadParameters([("fan_ids", SOURCES)])
    await _check(db, account, new, criteria, now)
    async with db.transaction() as tx:
        row = await tx.row(
            CREATE,
            account.id,
            criteria=None if has_ids else storable(criteria),
            now=now,
            max_running=MAX_RUNNING,
            **{name: getattr(new, name) for name in PLAIN},
        )
        if row is None:
            raise TooManyFanJobs
        if new.fan_ids is not None:
            await fix_ids(tx, account.id, (row["fan_job_id"], new.action), new.fan_ids)
    return FanJobCreated(row["fan_job_uid"])


async def _check(db: Db, account: Account, new: NewFanJob, criteria: Criteria, now: datetime) -> None:
    await checked_context(db, account, criteria, now)
    if new.search_uid is not None:
        await search(db, account.id, new.search_uid, now)
    if new.action == UNTAG:
        sql = "select true from tags where account_id = $1 and fold_text(tag_name) = fold_text($2)"
        if not await db.value(sql, account.id, new.tag_name):
            raise Unknown(tag=new.tag_name)
    if new.action == AWARD:
        await check_category(db, account.id, new.point_uid)


async def check_category(db: Db, account_id: int, point_uid: uuid.UUID | None) -> None:
    """Raise Unknown (404) for a category of points that is not there, PointClosed (409) for a closed one."""
    is_active = await db.value(
        "select is_active from points where account_id = $1 and point_uid = $2", account_id, point_uid
    )
    if is_active is None:
        raise Unknown(point_category=point_uid)
    if not is_active:
        raise PointClosed


CANCEL = f"""
    with {HOLD},
    ended as (
        update fan_jobs set job_state = 'cancelled', criteria = null, finished_at = $3, updated_at = $3
        where account_id = $1 and fan_job_uid = $2 and job_state = 'running'
        returning fan_job_id, fan_job_uid, done_count, changed_count
    ),
    forgotten as (
        delete from fan_job_chunks c using ended where c.account_id = $1 and c.fan_job_id = ended.fan_job_id
    ),
    announced as (
        {announce(FAN_JOB_CANCELLED, "ended", at="$3")}
    )
    select true from ended
"""  # noqa: S608 - fixed parts


async def cancel_fan_job(db: Db, account_id: int, fan_job_uid: uuid.UUID, now: datetime) -> None:
    """End a job after the step that runs; what it did stays. Unknown (404), FanJobEnded (409)."""
    if await db.value(CANCEL, account_id, fan_job_uid, now):
        return
    sql = "select true from fan_jobs where account_id = $1 and fan_job_uid = $2"
    if not await db.value(sql, account_id, fan_job_uid):
        raise Unknown(fan_job=fan_job_uid)
    raise FanJobEnded
