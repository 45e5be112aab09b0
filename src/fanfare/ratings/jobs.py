"""Updates the ratings of all accounts."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule
from fanfare.ratings import actions


@schedule("* * * * *", each=accounts.account_ids)
async def rate_fans(db: Db, account_id: int, now: datetime) -> None:
    """Rate an account's changed fans, and the next ones of the daily pass."""
    await actions.update_ratings(db, await accounts.account_by_id(db, account_id), now)
