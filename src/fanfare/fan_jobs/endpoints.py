"""Over HTTP: actions on many fans."""

from datetime import datetime

from fanfare.fan_jobs.actions import fan_jobs as actions
from fanfare.fan_jobs.queries import fan_jobs as queries
from fanfare.fan_jobs.schemas import FanJob, FanJobCreated, FanJobMeta, FanJobWindow, NewFanJob, OneFanJob
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/fan_jobs", scope="manage", key=SECRET)
async def manage_fan_jobs_list(db: Db, account: Account, query: FanJobWindow) -> Page[FanJobMeta, FanJob]:
    """List actions on many fans, the newest first, with how far each is."""
    return await queries.fan_jobs(db, account.id, query)


@endpoint.post("/api/v1/manage/fan_jobs", scope="manage", key=SECRET)
async def manage_fan_jobs_create(db: Db, account: Account, new: NewFanJob, now: datetime) -> FanJobCreated:
    """Start an action on many fans; `fan_job.completed` announces its end.

    Who the fans are is fixed when it begins. To erase, send the number of fans as `fan_count`: if there are more or
    fewer, nothing is done. Each fan gets points once. 409 when 20 jobs run.
    """
    return await actions.create_fan_job(db, account, new, now)


@endpoint.get("/api/v1/manage/fan_jobs/{fan_job_uid}", scope="manage", key=SECRET)
async def manage_fan_jobs_get(db: Db, account: Account, target: OneFanJob) -> FanJob:
    """Return how far an action on many fans is, and what came of it."""
    return await queries.fan_job(db, account.id, target.fan_job_uid)


@endpoint.post("/api/v1/manage/fan_jobs/{fan_job_uid}/cancel", scope="manage", key=SECRET)
async def manage_fan_jobs_cancel(db: Db, account: Account, target: OneFanJob, now: datetime) -> bool:
    """Cancel an action on many fans; what it did stays. 409 when it has ended."""
    await actions.cancel_fan_job(db, account.id, target.fan_job_uid, now)
    return True
