"""Reports: made of every type, read, printed, and shared by links that end."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from fanfare.accounts.queries import businesses
from fanfare.console.pages.choices import Choices, campaign_choices, segment_choices, stream_choices
from fanfare.console.schemas.reports import LinkEnd, ReportForm, ReportTypeChoice
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.console.shell.links import path_of
from fanfare.hosted.queries.report_sheets import Sheet
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.reports.actions import links as link_actions
from fanfare.reports.actions import reports as actions
from fanfare.reports.queries import links, reports
from fanfare.reports.queries.data import NoSubject, report_data
from fanfare.reports.schemas.links import NewLink
from fanfare.reports.schemas.reports import NewReport, OneReport, Report, ReportQuery
from fanfare.reports.schemas.types import TYPES
from fanfare.staff.schemas.members import Member
from fanfare.trackers.queries.trackers import trackers
from fanfare.trackers.schemas.trackers import TrackersQuery

TEMPLATES = "console/templates/reports"
ROWS, CHOICES = 100, 200
# The option that says what a report of a type is about.
SUBJECTS = {
    "campaign": "page_tab_id",
    "campaign_bundle": "page_tab_id",
    "tracker": "tracker_id",
    "segment": "segment_id",
    "stream": "stream_key",
}


@manage.get("/reports", area="reports")
async def report_list(db: Db, member: Member, query: ReportQuery) -> View:
    """Show the reports, oldest first; people of some businesses see those made for them."""
    page = await reports.reports(db, member.account.id, ReportQuery(limit=ROWS, cursor=query.cursor))
    values = {
        "reports": [each for each in page.data if member.sees_business(each.business_id)],
        "further": path_of(member, "/reports", cursor=page.next_page.cursor) if page.next_page.has_more else "",
    }
    return View(f"{TEMPLATES}/reports.html", values)


@manage.get("/reports/new", area="reports", right="write", is_account_wide=True)
async def report_new(db: Db, member: Member, query: ReportTypeChoice, now: datetime) -> View:
    """Ask for the type, then for the rest of a report."""
    values = {
        "types": list(TYPES),
        "report_type": query.report_type,
        "has_days": query.report_type is not None and TYPES[query.report_type].days is not None,
        "subject": SUBJECTS.get(query.report_type or ""),
        "choices": await _choices(db, member, query.report_type, now),
        "businesses": await businesses(db, member.account.id),
    }
    return View(f"{TEMPLATES}/new.html", values)


async def _choices(db: Db, member: Member, report_type: str | None, now: datetime) -> dict[str, Choices]:
    """Return what a report of a type can be about, by kind."""
    match report_type:
        case "campaign" | "campaign_bundle":
            return {"campaign": await campaign_choices(db, member)}
        case "tracker":
            page = await trackers(db, member.account, TrackersQuery(limit=CHOICES), now)
            return {"tracker": [(str(each.tracker_id), each.tracker_name) for each in page.data]}
        case "segment":
            return await segment_choices(db, member)
        case "stream":
            return {"stream": await stream_choices(db, member)}
    return {}


@manage.post("/reports/new", area="reports", is_account_wide=True)
async def report_create(db: Db, member: Member, visit: Visit, form: ReportForm, now: datetime) -> Redirect:
    """Make a report; it is read once, and one that cannot be read is refused."""
    try:
        report_uid = await actions.create_report(db, member.account, _new(form), now)
    except BadParameters as wrong:
        raise BadParameters([_field(form.report_type, *fault) for fault in wrong.errors]) from None
    flash(visit, "The report is made.")
    return Redirect(path_of(member, f"/reports/{report_uid}"))


def _new(form: ReportForm) -> NewReport:
    options: dict[str, Any] = {}
    if name := SUBJECTS.get(form.report_type):
        options[name] = form.subject or ""
    if form.report_type == "segment":
        options["segment_type"], _, options["segment_id"] = (form.subject or "").partition("/")
    values: Mapping[str, Any] = {
        "report_name": form.report_name, "report_type": form.report_type, "start_date": form.start_date,
        "end_date": form.end_date, "options": options, "business_id": form.business_id,
    }  # fmt: skip
    if faults := list(NewReport.faults({name: value for name, value in values.items() if value})):
        raise BadParameters(faults)
    return NewReport(**values)


def _field(report_type: str, name: str, message: str) -> tuple[str, str]:
    """Return an error at the field of the form that has the option."""
    return ("subject" if name == "options" and report_type in SUBJECTS else name, message)


async def _report(db: Db, member: Member, target: OneReport) -> Report:
    """Return a report; Unknown (404), also for one of a business that the person does not see."""
    report = await reports.report(db, member.account.id, target.report_uid)
    member.require_business(report.business_id, report=target.report_uid)
    return report


@manage.get("/reports/{report_uid}", area="reports")
async def report(db: Db, member: Member, query: OneReport, now: datetime) -> View:
    """Show how a report is shared; its data comes after the page."""
    values = {
        "report": await _report(db, member, query),
        "links": await links.links(db, member.account.id, query.report_uid, now),
        "path": path_of(member, f"/reports/{query.report_uid}"),
    }
    return View(f"{TEMPLATES}/report.html", values)


@manage.get("/reports/{report_uid}/data", area="reports")
async def report_sheet(db: Db, member: Member, visit: Visit, query: OneReport, now: datetime) -> View:
    """Show the data of a report as of now, to be read and printed."""
    entry, account = await _report(db, member, query), member.account
    values: dict[str, Any] = {
        "report": entry,
        "sections": None,
        "now": now,
        "time_zone": account.time_zone,
        "path": path_of(member, f"/reports/{query.report_uid}"),
    }
    with suppress(NoSubject):
        values["sections"] = Sheet(account, visit.language).sections(await report_data(db, account, entry, now))
    return View(f"{TEMPLATES}/sheet.html", values)


@manage.post("/reports/{report_uid}/links", area="reports", right="export", needs_proof=True)
async def report_share(db: Db, member: Member, visit: Visit, form: NewLink, now: datetime) -> View | Redirect:
    """Make a link that shows the report to everybody who has it; its URL is shown once."""
    await _report(db, member, form)
    path = path_of(member, f"/reports/{form.report_uid}")
    try:
        link = await link_actions.create_link(db, member.account.id, form, now)
    except Conflict as refusal:
        flash(visit, refusal.detail, kind="bad")
        return Redirect(path)
    return View(f"{TEMPLATES}/shared.html", {"link": link, "path": path})


@manage.post("/reports/{report_uid}/links/{report_link_id}/end", area="reports")
async def report_link_end(db: Db, member: Member, visit: Visit, form: LinkEnd, now: datetime) -> Redirect:
    """End a link of the report."""
    await _report(db, member, form)
    shared = await links.links(db, member.account.id, form.report_uid, now)
    if form.report_link_id not in {each.report_link_id for each in shared}:
        raise Unknown(report_link=form.report_link_id)
    await link_actions.end_link(db, member.account.id, form.report_link_id, now)
    flash(visit, "The link has ended.")
    return Redirect(path_of(member, f"/reports/{form.report_uid}"))


@manage.post("/reports/{report_uid}/delete", area="reports")
async def report_delete(db: Db, member: Member, visit: Visit, form: OneReport, now: datetime) -> Redirect:
    """Delete a report with its links."""
    await _report(db, member, form)
    await actions.delete_report(db, member.account.id, form.report_uid, now)
    flash(visit, "The report is deleted, and its links have ended.")
    return Redirect(path_of(member, "/reports"))
