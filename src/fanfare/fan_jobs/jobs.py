"""Carries out fan jobs."""

from datetime import datetime

from fanfare.fan_jobs.actions import running
from fanfare.fan_jobs.queries.fan_jobs import accounts_due
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import always


@always(each=accounts_due)
async def carry_out_fan_jobs(db: Db, account_id: int, now: datetime) -> bool:
    """Work on an account's jobs for a few seconds; return whether there was anything to do."""
    return await running.work(db, account_id, now)
