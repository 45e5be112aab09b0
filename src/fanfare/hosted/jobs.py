"""Deletes what the login page no longer needs."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.fans.actions.password_resets import forget_resets
from fanfare.hosted.actions.login_codes import forget_codes
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule


@schedule("*/10 * * * *", each=accounts.account_ids)
async def forget_login_codes(db: Db, account_id: int, now: datetime) -> None:
    """Delete codes of an account's login page that expired a day ago, and ids for new passwords that expired."""
    await forget_codes(db, account_id, now)
    await forget_resets(db, account_id, now)
