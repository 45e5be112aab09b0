"""Deletes what the kernel keeps for a while only: answers to repeated requests and counts of calls."""

from datetime import datetime

from fanfare.kernel.db import Db
from fanfare.kernel.idempotency import forget_keys
from fanfare.kernel.jobs import schedule
from fanfare.kernel.limits import forget_windows


@schedule("*/10 * * * *")
async def forget_calls(db: Db, now: datetime) -> None:
    """Delete stored answers of more than 24 hours and the counts of past minutes."""
    await forget_keys(db, now)
    await forget_windows(db, now)
