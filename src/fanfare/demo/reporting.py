"""The demo's reports: of its advertising, its fans, a campaign and its tickets."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.wire.times import day_of
from fanfare.reports.actions.reports import create_report
from fanfare.reports.schemas.reports import NewReport

DAYS = 90


async def make_reports(db: Db, account: Account, business_id: int, page_tab_id: int, now: datetime) -> None:
    """Create the reports; those with days go from three months ago up to today."""
    start = day_of(now, account.time_zone) - timedelta(days=DAYS)
    rows: list[tuple[str, str, Mapping[str, Any]]] = [
        ("Facebook and Instagram ads", "facebook_ad_account", {}),
        ("Ad campaigns", "ad_campaigns", {}),
        ("Ticket sales by day", "ticket_sales", {}),
        ("Season ticket draw", "campaign", {"page_tab_id": page_tab_id}),
        ("Our fans", "fans", {}),
    ]
    for name, report_type, options in rows:
        new = NewReport(
            report_name=name,
            report_type=report_type,
            start_date=None if report_type == "fans" else start,
            options=dict(options),
            business_id=business_id,
        )
        await create_report(db, account, new, now)
