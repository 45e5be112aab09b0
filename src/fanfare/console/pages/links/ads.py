"""Advertising: spend beside attributed sales, figures of platforms, projects with their budgets."""

import codecs
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fanfare.accounts.queries import businesses
from fanfare.ads.actions import figures as figure_actions
from fanfare.ads.actions import projects as actions
from fanfare.ads.queries import figures, projects, sales
from fanfare.ads.schemas.figures import MAX_CSV, DayFigures, FigureQuery, NewImport
from fanfare.ads.schemas.projects import LineQuery, NewLine, NewProject, OneLine, OneProject, Project, ProjectQuery
from fanfare.console.schemas.links import AdsPage, FiguresForm, FileFiguresForm, ProjectLineForm, ProjectLineRemoval
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.console.shell.links import path_of
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.errors import BadParameters, TooLarge, Unknown
from fanfare.kernel.pages.charts import Point, bar_chart
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.wire.times import day_of
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/ads"
DAYS, CAMPAIGN_ROWS, FAULT_ROWS, PART_BYTES = 31, 50, 20, 64 * 1024
PLATFORMS = ("meta", "google", "tiktok", "x")


def _days(member: Member, query: AdsPage, now: datetime) -> FigureQuery:
    """Return the days that were chosen, or the last 31."""
    if query.has_days():
        return FigureQuery(start_date=query.start_date, end_date=query.end_date)  # type: ignore[arg-type] # both are set
    last = day_of(now, member.account.time_zone)
    return FigureQuery(start_date=last - timedelta(days=DAYS - 1), end_date=last)


@manage.get("/ads", area="links")
async def ads(db: Db, member: Member, query: AdsPage, now: datetime) -> View:
    """Show the projects; what was spent and sold comes after the page. Figures of ads belong to the whole account."""
    days = _days(member, query, now)
    page = (await projects.projects(db, member.account.id, ProjectQuery())).data
    span = {"start_date": days.start_date.isoformat(), "end_date": days.end_date.isoformat()}
    values = {
        "projects": [each for each in page if member.sees_business(each.business_id)],
        "days": days,
        "figures_path": path_of(member, "/ads/figures", **span),
    }
    return View(f"{TEMPLATES}/ads.html", values)


@manage.get("/ads/figures", area="links", is_account_wide=True)
async def ad_figures(db: Db, member: Member, visit: Visit, query: AdsPage, now: datetime) -> View:
    """Show what ads cost beside the sales that links of the same network brought, and the campaigns of platforms."""
    account, days, language = member.account, _days(member, query, now), visit.language
    by_day = await figures.by_day(db, account.id, days)
    currency = _currency(account.currency, by_day)
    spent = {each.day: each.spend for each in by_day if each.currency == currency}
    span = [days.start_date + timedelta(days=n) for n in range((days.end_date - days.start_date).days + 1)]
    spends = [(day, spent.get(day, Decimal(0))) for day in span]
    campaigns = sorted(await figures.by_campaign(db, account.id, days), key=lambda each: -each.spend)
    values = {
        "days": days,
        "sales": await sales.sales(db, account.id, days),
        "campaigns": campaigns[:CAMPAIGN_ROWS],
        "hidden_count": max(len(campaigns) - CAMPAIGN_ROWS, 0),
        "spends": spends,
        "currency": currency,
        "chart": bar_chart(
            [
                Point(
                    language.short_day(day),
                    float(spend),
                    f"{language.calendar_day(day)}: {language.money(spend, currency)}",
                )
                for day, spend in spends
            ]
        ),
    }
    return View(f"{TEMPLATES}/figures.html", values)


def _currency(home_currency: str, by_day: Sequence[DayFigures]) -> str:
    """Return the currency of the account, or that in which most was spent if nothing was in the account's."""
    sums: dict[str, Decimal] = {}
    for each in by_day:
        sums[each.currency] = sums.get(each.currency, Decimal(0)) + each.spend
    return home_currency if home_currency in sums or not sums else max(sums, key=lambda currency: sums[currency])


@manage.get("/ads/import", area="links", right="write", is_account_wide=True)
async def ad_import() -> View:
    """Ask for the export of a platform."""
    return View(f"{TEMPLATES}/import.html", {"platforms": PLATFORMS, "result": None, "network": ""})


@manage.post("/ads/import", area="links", is_account_wide=True)
async def ad_import_run(db: Db, member: Member, visit: Visit, form: FiguresForm, now: datetime) -> View:
    """Store the figures of a text and show what was read."""
    return await _imported(db, member, visit, (form, form.csv, "csv"), now)


@manage.post("/ads/import/file", area="links", takes_file=True, is_account_wide=True)
async def ad_import_file(db: Db, member: Member, visit: Visit, form: FileFiguresForm, now: datetime) -> View:
    """Store the figures of a file of at most 1 MiB and show what was read."""
    text = await _text(visit.upload) if visit.upload else ""
    return await _imported(db, member, visit, (form, text, "csv_file"), now)


async def _imported(
    db: Db, member: Member, visit: Visit, source: tuple[FileFiguresForm, str, str], now: datetime
) -> View:
    """Return the page with the result, or with what is wrong at the field that the text came from."""
    form, text, field = source
    values: dict[str, Any] = {"platforms": PLATFORMS, "result": None, "network": form.network}
    try:
        if not text.strip():
            raise BadParameters([(field, "is required")])  # noqa: TRY301 - answered below
        new = NewImport(network=form.network, csv=text, date_order=form.date_order, currency=form.currency)
        result = await figure_actions.import_figures(db, member.account, new, now)
    except BadParameters as wrong:
        visit.faults = {field: "; ".join(message for _, message in wrong.errors)}
        return View(f"{TEMPLATES}/import.html", values, wrong.status)
    return View(f"{TEMPLATES}/import.html", {**values, "result": result, "faults": result.errors[:FAULT_ROWS]})


async def _text(upload: Upload) -> str:
    """Return the text of a file: UTF-16 with its mark, UTF-8, else the letters of Windows; TooLarge (413)."""
    content = b""
    async for part in upload.parts(PART_BYTES):
        content += part
        if len(content) > MAX_CSV:
            raise TooLarge
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").replace("\0", "")
    try:
        return content.decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace").replace("\0", "")


@manage.get("/ads/projects/new", area="links", right="write")
async def ad_project_new(db: Db, member: Member) -> View:
    """Ask what a project is called, and whose it is."""
    choices = [each for each in await businesses(db, member.account.id) if member.sees_business(each.business_id)]
    return View(f"{TEMPLATES}/project_new.html", {"businesses": choices})


@manage.post("/ads/projects/new", area="links")
async def ad_project_create(db: Db, member: Member, visit: Visit, form: NewProject, now: datetime) -> Redirect:
    """Make a project."""
    if not member.sees_business(form.business_id):
        raise BadParameters([("business_id", "must be one of your businesses")])
    project_uid = await actions.create_project(db, member.account.id, form, now)
    flash(visit, "The project is made. Add what the money is for.")
    return Redirect(path_of(member, f"/ads/projects/{project_uid}"))


async def _project(db: Db, member: Member, target: OneProject) -> Project:
    """Return a project; Unknown (404), also for one of a business that the person does not see."""
    project = await projects.project(db, member.account.id, target.project_uid)
    member.require_business(project.business_id, project=target.project_uid)
    return project


@manage.get("/ads/projects/{project_uid}", area="links")
async def ad_project(db: Db, member: Member, query: OneProject) -> View:
    """Show a project with its budget lines."""
    values = {
        "project": await _project(db, member, query),
        "lines": (await projects.lines(db, member.account.id, LineQuery(project_uid=query.project_uid))).data,
        "path": path_of(member, f"/ads/projects/{query.project_uid}"),
    }
    return View(f"{TEMPLATES}/project.html", values)


@manage.post("/ads/projects/{project_uid}", area="links")
async def ad_project_line_add(db: Db, member: Member, visit: Visit, form: ProjectLineForm, now: datetime) -> Redirect:
    """Add a budget line."""
    await _project(db, member, form)
    new = NewLine(
        project_uid=form.project_uid, name=form.name, budget_amount=form.budget_amount, notes=form.notes or ""
    )
    await actions.add_line(db, member.account.id, new, now)
    flash(visit, "The budget line is added.")
    return Redirect(path_of(member, f"/ads/projects/{form.project_uid}"))


@manage.post("/ads/projects/{project_uid}/lines/{project_line_uid}/delete", area="links")
async def ad_project_line_delete(
    db: Db, member: Member, visit: Visit, form: ProjectLineRemoval, now: datetime
) -> Redirect:
    """Delete a budget line of the project."""
    await _project(db, member, form)
    page = await projects.lines(db, member.account.id, LineQuery(project_uid=form.project_uid))
    target = OneLine(project_line_uid=form.project_line_uid)
    if target.project_line_uid not in {each.project_line_uid for each in page.data}:
        raise Unknown(project_line=form.project_line_uid)
    await actions.delete_line(db, member.account.id, target.project_line_uid, now)
    flash(visit, "The budget line is deleted.")
    return Redirect(path_of(member, f"/ads/projects/{form.project_uid}"))


@manage.post("/ads/projects/{project_uid}/delete", area="links")
async def ad_project_delete(db: Db, member: Member, visit: Visit, form: OneProject, now: datetime) -> Redirect:
    """Delete a project with its budget lines."""
    await _project(db, member, form)
    await actions.delete_project(db, member.account.id, form.project_uid, now)
    flash(visit, "The project is deleted.")
    return Redirect(path_of(member, "/ads"))
