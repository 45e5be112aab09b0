"""Works on exports, writes their files to storages, and deletes old ones."""

from datetime import datetime

from fanfare.accounts.queries import account_ids
from fanfare.exports.actions import running, schedules, upkeep
from fanfare.exports.actions.delivering import deliveries
from fanfare.exports.queries.deliveries import accounts_due as accounts_with_deliveries
from fanfare.exports.queries.exports import accounts_due
from fanfare.exports.queries.schedules import accounts_due as accounts_with_due_schedules
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import always, schedule


@always(each=accounts_due)
async def work_on_exports(db: Db, account_id: int, now: datetime) -> bool:
    """Work on an account's exports for a few seconds; return whether there was anything to do."""
    return await running.work(db, account_id, now)


@always(each=accounts_with_deliveries)
async def deliver_files(db: Db, account_id: int, now: datetime) -> bool:
    """Begin to write files of an account to storages; return whether any were due."""
    return await deliveries().start(db, account_id, now)


@schedule("27 3 * * *", each=account_ids)
async def forget_files(db: Db, account_id: int, now: datetime) -> None:
    """Delete old files."""
    await upkeep.forget_old_files(db, account_id, now)


@schedule("* * * * *", each=accounts_with_due_schedules)
async def run_schedules(db: Db, account_id: int, now: datetime) -> None:
    """Start the exports that are due."""
    await schedules.run_due(db, account_id, now)
