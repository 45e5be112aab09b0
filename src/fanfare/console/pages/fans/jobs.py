"""Actions on many fans: how far each is, and what came of it."""

from datetime import UTC, datetime

from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.fan_jobs.actions.fan_jobs import cancel_fan_job
from fanfare.fan_jobs.queries import fan_jobs as queries
from fanfare.fan_jobs.schemas import FanJob, FanJobWindow, OneFanJob
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.points.queries.points import points
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/fans"
ROWS = 50


@manage.get("/fan_jobs", area="fans", is_account_wide=True)
async def fan_jobs(db: Db, member: Member, query: FanJobWindow) -> View:
    """Show the actions on many fans, the newest first."""
    query.limit = ROWS
    page = await queries.fan_jobs(db, member.account.id, query)
    values = {
        "jobs": page.data,
        "moments": {each.fan_job_id: datetime.fromtimestamp(each.creation_timestamp, UTC) for each in page.data},
        "next_id": page.meta.min_fan_job_id if page.meta.has_more else None,
    }
    return View(f"{TEMPLATES}/jobs.html", values)


async def _values(db: Db, member: Member, job: FanJob) -> dict[str, object]:
    names = {each.point_uid: each.point_name for each in await points(db, member.account.id)} if job.point_uid else {}
    return {"job": job, "point_name": names.get(job.point_uid) if job.point_uid else None}


@manage.get("/fan_jobs/{fan_job_uid}", area="fans", is_account_wide=True)
async def fan_job(db: Db, member: Member, query: OneFanJob) -> View:
    """Show how far an action is; the page follows it while it runs."""
    job = await queries.fan_job(db, member.account.id, query.fan_job_uid)
    return View(f"{TEMPLATES}/job.html", await _values(db, member, job))


@manage.get("/fan_jobs/{fan_job_uid}/progress", area="fans", is_account_wide=True)
async def fan_job_progress(db: Db, member: Member, query: OneFanJob) -> View:
    """Show the part of the page that changes."""
    job = await queries.fan_job(db, member.account.id, query.fan_job_uid)
    return View(f"{TEMPLATES}/progress.html", await _values(db, member, job))


@manage.post("/fan_jobs/{fan_job_uid}/cancel", area="fans", is_account_wide=True)
async def fan_job_cancel(db: Db, member: Member, visit: Visit, form: OneFanJob, now: datetime) -> Redirect:
    """Cancel an action; what it did stays."""
    await cancel_fan_job(db, member.account.id, form.fan_job_uid, now)
    flash(visit, "The action is cancelled. What it did stays.")
    return Redirect(f"/manage/{member.account.id}/fan_jobs/{form.fan_job_uid}")
