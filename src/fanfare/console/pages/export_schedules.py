"""Schedules of exports: what is written when and where, the last runs, a pause."""

from datetime import date, datetime

from fanfare.console.schemas.schedules import ScheduleChangesForm, ScheduleForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.exports.actions import schedules as actions
from fanfare.exports.queries.exports import exports
from fanfare.exports.queries.schedules import schedule_of
from fanfare.exports.queries.schedules import schedules as all_schedules
from fanfare.exports.schemas.exports import NAMES, ExportWindow
from fanfare.exports.schemas.schedules import OneSchedule, ScheduleChanges, ScheduleWindow
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.segments.queries.filters import filters_listed
from fanfare.segments.schemas.filters import FilterWindow
from fanfare.staff.schemas.members import Member
from fanfare.storages.queries.storages import storages

TEMPLATES = "console/templates/exports"
RUNS = 10


async def _choices(db: Db, member: Member, visit: Visit) -> dict[str, object]:
    """Return what the fields of a schedule choose from."""
    listed = await filters_listed(db, member.account, FilterWindow())
    return {
        "tables": [(name, name) for name in NAMES],
        "segments": [(str(each.filter_uid), each.filter_name) for each in listed],
        "storages": [(str(each.storage_uid), each.name) for each in await storages(db, member.account.id)],
        "weekdays": _weekdays(visit),
    }


def _weekdays(visit: Visit) -> list[tuple[int, str]]:
    """Return the days of a week by their numbers, from 1 (Monday)."""
    return [(number, visit.language.weekday(date(2024, 1, number))) for number in range(1, 8)]


def _path(member: Member, target: OneSchedule | ScheduleChanges | None = None) -> str:
    path = f"/manage/{member.account.id}/exports/schedules"
    return f"{path}/{target.schedule_uid}" if target else path


@manage.get("/exports/schedules", area="transfers")
async def export_schedules(db: Db, member: Member, visit: Visit, query: ScheduleWindow) -> View:
    """Show the schedules, the newest first."""
    page = await all_schedules(db, member.account.id, query)
    names = {each.storage_uid: each.name for each in await storages(db, member.account.id)}
    next_id = page.meta.min_schedule_id if page.meta.has_more else None
    values = {"schedules": page.data, "next_id": next_id, "storage_names": names, "weekdays": _weekdays(visit)}
    return View(f"{TEMPLATES}/schedules.html", values)


@manage.get("/exports/schedules/new", area="transfers", right="export", needs_proof=True, is_question=True)
async def export_schedule_new(db: Db, member: Member, visit: Visit) -> View:
    """Ask what is to be exported, and when."""
    member.require("transfers", "personal")
    return View(f"{TEMPLATES}/new_schedule.html", {"schedule": None, **await _choices(db, member, visit)})


@manage.post("/exports/schedules/new", area="transfers", right="export", needs_proof=True)
async def export_schedule_create(db: Db, member: Member, visit: Visit, form: ScheduleForm, now: datetime) -> Redirect:
    """Create a schedule."""
    member.require("transfers", "personal")
    await actions.create_schedule(db, member.account, form.schedule(), now)
    flash(visit, "The schedule is made; its next run stands beside it.")
    return Redirect(_path(member))


@manage.get("/exports/schedules/{schedule_uid}", area="transfers")
async def export_schedule(db: Db, member: Member, visit: Visit, target: OneSchedule) -> View:
    """Show a schedule with its last runs."""
    account_id = member.account.id
    schedule = await schedule_of(db, account_id, target.schedule_uid)
    runs = await exports(db, account_id, ExportWindow(schedule_uid=target.schedule_uid, limit=RUNS))
    values = {"schedule": schedule, "runs": runs.data, **await _choices(db, member, visit)}
    return View(f"{TEMPLATES}/schedule.html", values)


@manage.post("/exports/schedules/{schedule_uid}", area="transfers", right="export", needs_proof=True)
async def export_schedule_update(
    db: Db, member: Member, visit: Visit, form: ScheduleChangesForm, now: datetime
) -> Redirect:
    """Change a schedule; pause it, or let it go on."""
    member.require("transfers", "personal")
    changes = form.changes()
    await actions.change_schedule(db, member.account, changes, now)
    flash(visit, "The schedule is changed.")
    return Redirect(_path(member, changes))


@manage.post("/exports/schedules/{schedule_uid}/delete", area="transfers", right="export", needs_proof=True)
async def export_schedule_delete(db: Db, member: Member, visit: Visit, form: OneSchedule, now: datetime) -> Redirect:
    """Delete a schedule; what it wrote stays."""
    await actions.delete_schedule(db, member.account.id, form.schedule_uid, now)
    flash(visit, "The schedule is deleted; its files stay until their time is over.")
    return Redirect(_path(member))
