"""Reads objects of storages, works on imports, and deletes their old files."""

from datetime import datetime

from fanfare.accounts.queries import account_ids
from fanfare.imports.actions import running, upkeep
from fanfare.imports.actions.fetching import fetches
from fanfare.imports.queries.fetches import accounts_due as accounts_with_fetches
from fanfare.imports.queries.imports import accounts_due
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import always, schedule


@always(each=accounts_due)
async def work_on_imports(db: Db, account_id: int, now: datetime) -> bool:
    """Work on an account's imports for a few seconds; return whether there was anything to do."""
    return await running.work(db, account_id, now)


@always(each=accounts_with_fetches)
async def fetch_files(db: Db, account_id: int, now: datetime) -> bool:
    """Begin to read objects of storages for an account's imports; return whether any were due."""
    return await fetches().start(db, account_id, now)


@schedule("7 3 * * *", each=account_ids)
async def forget_files(db: Db, account_id: int, now: datetime) -> None:
    """Delete old files."""
    await upkeep.forget_old_files(db, account_id, now - upkeep.RETENTION, now)
