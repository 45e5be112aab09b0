"""Reads reports."""

import uuid

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown
from fanfare.reports.schemas.reports import Report, ReportQuery

COLUMNS = """
    report_uid, report_name, report_type, start_date, end_date,
    floor(extract(epoch from accessed_at))::bigint as last_access_timestamp, options, business_id
"""
ONE = f"select {COLUMNS} from reports where account_id = $1 and report_uid = $2"  # noqa: S608 - constants
PAGE = f"""
    select report_id as position, {COLUMNS} from reports
    where account_id = $1 and report_id > $2 and report_id < $3
    order by report_id {{order}} limit $4
"""  # noqa: S608 - constants


async def reports(db: Db, account_id: int, query: ReportQuery) -> ArrayPage[Report]:
    """Return the reports of the account in the order in which they were created."""
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(PAGE.format(order=cursor.order), account_id, low, high, query.limit + 1)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(Report), page.next_page)


async def report(db: Db, account_id: int, report_uid: uuid.UUID) -> Report:
    """Return a report; Unknown (404)."""
    row = await db.row(ONE, account_id, report_uid)
    if row is None:
        raise Unknown(report=report_uid)
    return Report(**row)
