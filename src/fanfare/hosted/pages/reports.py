"""The page of a report that was shared by a link."""

from datetime import datetime

from fanfare.accounts.queries import account_by_id
from fanfare.hosted.queries.looks import look_of
from fanfare.hosted.queries.report_sheets import Sheet
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import View, Visit, page
from fanfare.reports.actions.reports import store_access
from fanfare.reports.queries.data import report_data
from fanfare.reports.queries.links import account_of, shared_report
from fanfare.reports.schemas.links import SharedReport


@page.get("/crm/reports")
async def report(db: Db, visit: Visit, shared: SharedReport, now: datetime) -> View:
    """Show the report of a link, with its data as of now."""
    account_id = account_of(shared.link)
    account_db = db.for_account(account_id)
    entry = await shared_report(account_db, account_id, shared.link, now)
    account = await account_by_id(account_db, account_id)
    data = await report_data(account_db, account, entry, now)
    if visit.has_body:
        await store_access(account_db, account_id, entry.report_uid, now)
    return View(
        "hosted/templates/report.html",
        {
            "look": await look_of(account_db, account_id, entry.business_id),
            "report": entry,
            "sections": Sheet(account, visit.language).sections(data),
            "now": now,
            "time_zone": account.time_zone,
        },
    )
