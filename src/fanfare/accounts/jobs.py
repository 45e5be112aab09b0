"""Deletes expired data of the kernel: stored answers of writes and counters of rate limits."""

from datetime import datetime

from fanfare.accounts.queries import account_ids
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.idempotency import forget_keys
from fanfare.kernel.data.jobs import schedule
from fanfare.kernel.data.limits import NO_ACCOUNT, forget_windows


async def callers(db: Db) -> list[int]:
    """Return the accounts with such data, and NO_ACCOUNT, which counts refused calls."""
    return [NO_ACCOUNT, *await account_ids(db)]


@schedule("*/10 * * * *", each=callers)
async def forget_calls(db: Db, account_id: int, now: datetime) -> None:
    """Delete stored answers older than 24 hours and the counters of past minutes."""
    await forget_keys(db, account_id, now)
    await forget_windows(db, account_id, now)
