"""Deletes searches that are over; keeps the members of filters."""

from datetime import datetime, timedelta

from fanfare.accounts import queries as accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import always, schedule
from fanfare.segments.actions import members, searches
from fanfare.segments.queries import live
from fanfare.segments.schemas.search import SEARCH_HOURS


@schedule("23 * * * *", each=accounts.account_ids)
async def forget_old_searches(db: Db, account_id: int, now: datetime) -> None:
    """Delete the searches that were started more than 24 hours ago."""
    await searches.forget_searches(db, account_id, now - timedelta(hours=SEARCH_HOURS))


@always(each=live.accounts_due)
async def keep_members(db: Db, account_id: int, now: datetime) -> bool:
    """Bring the members of an account's active filters nearer to what is true; tell whether there was work."""
    return await members.keep_members(db, await accounts.account_by_id(db, account_id), now)
