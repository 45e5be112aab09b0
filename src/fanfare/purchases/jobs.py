"""Ties purchases to fans who turned up since."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule
from fanfare.purchases import actions


@schedule("* * * * *", each=accounts.account_ids)
async def match_purchases(db: Db, account_id: int, now: datetime) -> None:
    """Look once more for the fans of an account's purchases that have none."""
    await actions.match_purchases(db, account_id, now)
