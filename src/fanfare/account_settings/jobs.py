"""Changes the time zone of an account."""

from datetime import datetime

from fanfare.account_settings.actions import accounts
from fanfare.accounts.queries import account_ids
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import job, schedule


@job(concurrency=1)
async def change_zone(db: Db, now: datetime) -> None:
    """Change the time zone of the account whose job it is, and count its days again."""
    if db.account_id is not None:
        await accounts.change_zone(db, db.account_id, now)


@schedule("*/5 * * * *", each=account_ids)
async def queue_again(db: Db, account_id: int) -> None:
    """Queue a change of the time zone whose job is gone, such as after it failed for all its tries."""
    await accounts.queue_again(db, account_id)
