"""HTTP endpoints of reports and their links."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint
from fanfare.reports.actions import links as link_actions
from fanfare.reports.actions import reports as actions
from fanfare.reports.queries import links, reports
from fanfare.reports.schemas.links import Link, LinkCreated, NewLink, OneLink
from fanfare.reports.schemas.reports import NewReport, OneReport, Report, ReportData, ReportQuery, ReportSaved


@endpoint.get("/api/v1/reports", scope="reports", key=SECRET)
async def reports_list(db: Db, account: Account, query: ReportQuery) -> ArrayPage[Report]:
    """List the reports, oldest first."""
    return await reports.reports(db, account.id, query)


@endpoint.get("/api/v1/reports/{report_uid}", scope="reports", key=SECRET)
async def reports_get(db: Db, account: Account, target: OneReport, now: datetime, delivery: Delivery) -> ReportData:
    """Return a report with its data, computed now, under the name of its type.

    The figures are those of the call that the type is made of. 404 if what the report is about was deleted.
    """
    return await actions.read_report(db, account, target.report_uid, now, delivery)


@endpoint.post("/api/v1/manage/reports", scope="manage", key=SECRET, references=actions.references)
async def manage_reports_create(db: Db, account: Account, new: NewReport, now: datetime) -> ReportSaved:
    """Create a report of one of the types. It is read once, and one that cannot be read is refused (422).

    `options` are parameters of the call that the type is made of, such as `{"page_tab_id": 7}` for a campaign.
    """
    return ReportSaved(await actions.create_report(db, account, new, now))


@endpoint.delete("/api/v1/manage/reports/{report_uid}", scope="manage", key=SECRET)
async def manage_reports_delete(db: Db, account: Account, target: OneReport, now: datetime) -> bool:
    """Delete a report; its links end."""
    await actions.delete_report(db, account.id, target.report_uid, now)
    return True


@endpoint.get("/api/v1/manage/reports/{report_uid}/links", scope="manage", key=SECRET)
async def manage_report_links_list(db: Db, account: Account, target: OneReport, now: datetime) -> list[Link]:
    """List the links by which a report is shared, oldest first, without those that have ended."""
    return await links.links(db, account.id, target.report_uid, now)


@endpoint.post("/api/v1/manage/reports/{report_uid}/links", scope="manage", key=SECRET, has_secret_answer=True)
async def manage_report_links_create(db: Db, account: Account, new: NewLink, now: datetime) -> LinkCreated:
    """Share a report: everybody who has the link sees it, until the link ends or is deleted. Its URL is shown once."""
    return await link_actions.create_link(db, account.id, new, now)


@endpoint.delete("/api/v1/manage/report_links/{report_link_id}", scope="manage", key=SECRET)
async def manage_report_links_delete(db: Db, account: Account, target: OneLink, now: datetime) -> bool:
    """End a link to a report."""
    await link_actions.end_link(db, account.id, target.report_link_id, now)
    return True
