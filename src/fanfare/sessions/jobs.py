"""Deletes what is over: sessions that have expired, guests who did nothing, counts of attempts."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule
from fanfare.passkeys.actions.challenges import forget_challenges
from fanfare.sessions.actions.budgets import forget_attempts
from fanfare.sessions.actions.codes import forget_codes
from fanfare.sessions.actions.guests import forget_sessions


@schedule("*/10 * * * *", each=accounts.account_ids)
async def forget_old_sessions(db: Db, account_id: int, now: datetime) -> None:
    """Delete an account's sessions that have expired, with the guests of whom nothing is left, and old counts."""
    await forget_sessions(db, account_id, now)
    await forget_attempts(db, account_id, now)
    await forget_codes(db, account_id, now)
    await forget_challenges(db, account_id, now)
