"""Changes the time zone of an account."""

from datetime import datetime

from fanfare.account_settings.actions import accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import job


@job(concurrency=1)
async def change_zone(db: Db, now: datetime) -> None:
    """Change the time zone of the account whose job it is, and count its days again."""
    if db.account_id is not None:
        await accounts.change_zone(db, db.account_id, now)
