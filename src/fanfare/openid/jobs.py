"""Deletes grants that have expired, and rotates the keys that sign ID tokens."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule
from fanfare.openid.actions import authorization, keys


@schedule("*/10 * * * *", each=accounts.account_ids)
async def forget_grants(db: Db, account_id: int, now: datetime) -> None:
    """Delete an account's grants and access tokens that have expired."""
    await authorization.forget_grants(db, account_id, now)


@schedule("20 3 * * *", each=accounts.account_ids)
async def keep_keys(db: Db, account_id: int, now: datetime) -> None:
    """Seal an account's keys again, rotate them after 90 days, and delete those that have ended."""
    await keys.keep_keys(db, account_id, now)
