"""Links purchases to fans whose customer_key became known later, and seals tokens of shops with the present key."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule
from fanfare.purchases.actions import purchases as actions


@schedule("* * * * *", each=accounts.account_ids)
async def match_purchases(db: Db, account_id: int, now: datetime) -> None:
    """Link an account's purchases without a fan, where the fan is known by now."""
    await actions.match_purchases(db, account_id, now)


@schedule("55 3 * * *", each=accounts.account_ids)
async def keep_shop(db: Db, account_id: int, _: datetime) -> None:
    """Seal the token of an account's shop again."""
    await actions.seal_again(db, account_id)
