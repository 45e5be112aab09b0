"""Deletes what the kernel keeps for a while only: answers to repeated requests and counts of calls."""

from datetime import datetime

from fanfare.accounts.queries import account_ids
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.idempotency import forget_keys
from fanfare.kernel.data.jobs import schedule
from fanfare.kernel.data.limits import NO_ACCOUNT, forget_windows


async def callers(db: Db) -> list[int]:
    """Return the accounts that are called, and what stands for none."""
    return [NO_ACCOUNT, *await account_ids(db)]


@schedule("*/10 * * * *", each=callers)
async def forget_calls(db: Db, account_id: int, now: datetime) -> None:
    """Delete stored answers of more than 24 hours and the counts of past minutes."""
    await forget_keys(db, account_id, now)
    await forget_windows(db, account_id, now)
