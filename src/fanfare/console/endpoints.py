"""HTTP endpoints of what the first page shows."""

from datetime import datetime

from fanfare.console.queries import attention, home
from fanfare.console.schemas.overview import AccountOverview, OverviewQuery, UrgentMatter
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/overview", scope="manage", key=SECRET)
async def manage_overview(db: Db, account: Account, query: OverviewQuery, now: datetime) -> AccountOverview:
    """Return fans, activity, consent, revenue and campaigns of the last days, by day, and of as many days before."""
    return await home.account_overview(db, account, query, now)


@endpoint.get("/api/v1/manage/urgent_matters", scope="manage", key=SECRET)
async def manage_urgent_matters_list(db: Db, account: Account, now: datetime) -> list[UrgentMatter]:
    """List what needs a look: endpoints, imports, exports and sources that failed, erasure requests, jobs that hang."""
    return await attention.urgent_matters(db, account.id, now)
