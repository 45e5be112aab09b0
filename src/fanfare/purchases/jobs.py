"""Ties purchases to fans who turned up since."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.kernel.db import Db
from fanfare.kernel.jobs import schedule
from fanfare.purchases import actions


@schedule("* * * * *")
async def match_purchases(db: Db, now: datetime) -> None:
    """Look once more for the fans of purchases that have none."""
    for account_id in await accounts.account_ids(db):
        await actions.match_purchases(db, account_id, now)
