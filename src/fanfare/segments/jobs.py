"""Deletes searches that are over."""

from datetime import datetime, timedelta

from fanfare.accounts import queries as accounts
from fanfare.kernel.db import Db
from fanfare.kernel.jobs import schedule
from fanfare.segments import actions
from fanfare.segments.schemas import SEARCH_HOURS


@schedule("23 * * * *")
async def forget_old_searches(db: Db, now: datetime) -> None:
    """Delete the searches that were started more than 24 hours ago."""
    for account_id in await accounts.account_ids(db):
        await actions.forget_searches(db, account_id, now - timedelta(hours=SEARCH_HOURS))
