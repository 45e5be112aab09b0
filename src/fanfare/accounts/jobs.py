"""Deletes what the kernel keeps for a while only: answers to repeated requests, counts of calls, old changes."""

from datetime import datetime, timedelta

from fanfare.kernel.changes import trim_changes
from fanfare.kernel.db import Db
from fanfare.kernel.idempotency import forget_keys
from fanfare.kernel.jobs import schedule
from fanfare.kernel.limits import forget_windows

# How long a reader of the change log may stay away.
LOG_KEPT = timedelta(days=90)


@schedule("*/10 * * * *")
async def forget_calls(db: Db, now: datetime) -> None:
    """Delete stored answers of more than 24 hours and the counts of past minutes."""
    await forget_keys(db, now)
    await forget_windows(db, now)


@schedule("41 3 * * *")
async def trim_log(db: Db, now: datetime) -> None:
    """Delete changes of more than 90 days."""
    await trim_changes(db, now - LOG_KEPT)
