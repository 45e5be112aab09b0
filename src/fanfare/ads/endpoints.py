"""HTTP endpoints of projects and the figures of ads."""

from datetime import datetime

from fanfare.ads.actions import figures as figure_actions
from fanfare.ads.actions import projects as actions
from fanfare.ads.queries import figures, projects, sales
from fanfare.ads.schemas.figures import (
    AdImportSaved,
    AdSales,
    CampaignFigures,
    FigureQuery,
    FiguresSaved,
    NewFigures,
    NewImport,
    PlatformFigures,
)
from fanfare.ads.schemas.projects import (
    Line,
    LineQuery,
    LineSaved,
    NewLine,
    NewProject,
    OneLine,
    OneProject,
    Project,
    ProjectQuery,
    ProjectSaved,
)
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint


@endpoint.post("/api/v1/ads/projects/{project_uid}/lines", scope="ads", key=SECRET)
async def ads_project_lines_create(db: Db, account: Account, new: NewLine, now: datetime) -> LineSaved:
    """Add a budget line to an advertising project."""
    return LineSaved(await actions.add_line(db, account.id, new, now))


@endpoint.get("/api/v1/ad_stats", scope="misc", key=SECRET)
async def ad_stats_list(db: Db, account: Account, query: FigureQuery) -> list[PlatformFigures]:
    """Return the advertising figures of the account by ad platform in a range of days, one row for each currency."""
    return await figures.by_platform(db, account.id, query)


@endpoint.get("/api/v1/ad_stats/campaigns", scope="misc", key=SECRET)
async def ad_stats_campaigns_list(db: Db, account: Account, query: FigureQuery) -> list[CampaignFigures]:
    """Return the same advertising figures by ad campaign."""
    return await figures.by_campaign(db, account.id, query)


@endpoint.get("/api/v1/manage/ad_sales", scope="manage", key=SECRET)
async def manage_ad_sales_list(db: Db, account: Account, query: FigureQuery) -> list[AdSales]:
    """Compare what ads cost with the sales attributed to trackers of the same network, one row for each currency."""
    return await sales.sales(db, account.id, query)


@endpoint.post("/api/v1/manage/ad_figures", scope="manage", key=SECRET, array_field="figures")
async def manage_ad_figures_save(db: Db, account: Account, new: NewFigures, now: datetime) -> FiguresSaved:
    """Store the figures of ads by day, in place of those of the same ad and day; wrong lines affect no other."""
    return await figure_actions.save_figures(db, account, new.figures, now)


@endpoint.post("/api/v1/manage/ad_figures/import", scope="manage", key=SECRET)
async def manage_ad_figures_import(db: Db, account: Account, new: NewImport, now: datetime) -> AdImportSaved:
    """Store the figures of an export of an ad platform as CSV, by day. An import can be repeated without harm.

    Columns are recognized by their English names. 422 without the columns of day and spend.
    """
    return await figure_actions.import_figures(db, account, new, now)


@endpoint.get("/api/v1/manage/ad_projects", scope="manage", key=SECRET)
async def manage_ad_projects_list(db: Db, account: Account, query: ProjectQuery) -> ArrayPage[Project]:
    """List the advertising projects, oldest first, each with the sum of its budget lines."""
    return await projects.projects(db, account.id, query)


@endpoint.post("/api/v1/manage/ad_projects", scope="manage", key=SECRET, references=actions.references)
async def manage_ad_projects_create(db: Db, account: Account, new: NewProject, now: datetime) -> ProjectSaved:
    """Create an advertising project, to which `ads/projects/{project_uid}/lines` adds budget lines."""
    return ProjectSaved(await actions.create_project(db, account.id, new, now))


@endpoint.delete("/api/v1/manage/ad_projects/{project_uid}", scope="manage", key=SECRET)
async def manage_ad_projects_delete(db: Db, account: Account, target: OneProject, now: datetime) -> bool:
    """Delete an advertising project with its budget lines."""
    await actions.delete_project(db, account.id, target.project_uid, now)
    return True


@endpoint.get("/api/v1/manage/ad_projects/{project_uid}/lines", scope="manage", key=SECRET)
async def manage_ad_project_lines_list(db: Db, account: Account, query: LineQuery) -> ArrayPage[Line]:
    """List the budget lines of a project, oldest first."""
    return await projects.lines(db, account.id, query)


@endpoint.delete("/api/v1/manage/ad_project_lines/{project_line_uid}", scope="manage", key=SECRET)
async def manage_ad_project_lines_delete(db: Db, account: Account, target: OneLine, now: datetime) -> bool:
    """Delete a budget line."""
    await actions.delete_line(db, account.id, target.project_line_uid, now)
    return True
