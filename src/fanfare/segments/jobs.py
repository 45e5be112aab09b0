"""Deletes searches that are over; keeps the members of filters."""

from datetime import datetime, timedelta

from fanfare.accounts import queries as accounts
from fanfare.kernel.db import Db
from fanfare.kernel.jobs import always, schedule
from fanfare.segments.actions import members, searches
from fanfare.segments.queries import live
from fanfare.segments.schemas.search import SEARCH_HOURS


@schedule("23 * * * *")
async def forget_old_searches(db: Db, now: datetime) -> None:
    """Delete the searches that were started more than 24 hours ago."""
    for account_id in await accounts.account_ids(db):
        await searches.forget_searches(db, account_id, now - timedelta(hours=SEARCH_HOURS))


@always
async def keep_members(db: Db, now: datetime) -> bool:
    """Bring the members of every account's active filters nearer to what is true; tell whether there was work."""
    worked = False
    for account_id in await live.accounts_due(db, now):
        worked |= await members.keep_members(db, await accounts.account_by_id(db, account_id), now)
    return worked
