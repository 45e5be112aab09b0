"""Deletes searches that are over."""

from datetime import datetime, timedelta

from fanfare.accounts import queries as accounts
from fanfare.kernel.db import Db
from fanfare.kernel.jobs import schedule
from fanfare.segments.actions import searches
from fanfare.segments.schemas.search import SEARCH_HOURS


@schedule("23 * * * *")
async def forget_old_searches(db: Db, now: datetime) -> None:
    """Delete the searches that were started more than 24 hours ago."""
    for account_id in await accounts.account_ids(db):
        await searches.forget_searches(db, account_id, now - timedelta(hours=SEARCH_HOURS))
