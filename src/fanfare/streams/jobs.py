"""Deletes records that are older than their stream keeps them."""

from datetime import datetime

from fanfare.accounts.queries import account_ids
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule
from fanfare.streams.actions import deleting


@schedule("*/15 * * * *", each=account_ids)
async def forget_records(db: Db, account_id: int, now: datetime) -> None:
    """Delete an account's old records, and the records of its deleted streams."""
    await deleting.forget_records(db, account_id, now)
