"""Keeps the ratings of all accounts."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.kernel.db import Db
from fanfare.kernel.jobs import schedule
from fanfare.ratings import actions


@schedule("* * * * *")
async def rate_fans(db: Db, now: datetime) -> None:
    """Rate the fans who were touched, and the next ones of each account's daily pass."""
    for account_id in await accounts.account_ids(db):
        await actions.keep_ratings(db, await accounts.account_by_id(db, account_id), now)
