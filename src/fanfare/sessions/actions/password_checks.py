"""Checks passwords, each attempt counted before it is made."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.fans.actions.passwords import is_password
from fanfare.kernel.data.db import Db
from fanfare.sessions.actions.budgets import Attempt, count, give_back


async def check_password(
    db: Db, account_id: int, attempts: Sequence[Attempt], password_hash: str | None, password: str, now: datetime
) -> bool:
    """Return whether a password matches the stored hash; a wrong one is a failure of each of the attempts.

    TooManyAttempts (429) when one of their budgets is used up.
    """
    receipts = await count(db, account_id, attempts, now)
    try:
        is_right = await is_password(account_id, password_hash, password)
    except TimeoutError:
        # Nobody learned anything: there was no turn to hash.
        await give_back(db, account_id, receipts)
        raise
    if is_right:
        await give_back(db, account_id, receipts)
    return is_right
