"""Deletes expired searches."""

from datetime import datetime, timedelta

from fanfare.accounts import queries as accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule
from fanfare.search.actions import searches
from fanfare.search.schemas.search import SEARCH_HOURS


@schedule("23 * * * *", each=accounts.account_ids)
async def forget_old_searches(db: Db, account_id: int, now: datetime) -> None:
    """Delete the searches that were started more than 24 hours ago."""
    await searches.forget_searches(db, account_id, now - timedelta(hours=SEARCH_HOURS))
