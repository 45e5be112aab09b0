"""Locks of an account's clicks and sales by day: shared by whoever counts them, all while they change the time zone.

Each is a statement of its own before the one that reads: that one then sees what the lock waited for. Clicks and sales
have one each, since all clicks are read before the few statements for which sales wait.
"""

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key

SHARE = "select pg_advisory_xact_lock_shared($1)"
LOCK = "select pg_advisory_xact_lock($1)"


async def lock_clicks(db: Db, account_id: int) -> None:
    """Until this transaction ends, let clicks stay on their days; those that come do not ask."""
    await db.value(SHARE, lock_key("click_days", account_id))


async def lock_sales(db: Db, account_id: int) -> None:
    """Until this transaction ends, let sales stay on their days."""
    await db.value(SHARE, lock_key("sale_days", account_id))


async def lock_all_clicks(db: Db, account_id: int) -> None:
    """Wait for whoever judges clicks, and keep others from it until this transaction ends."""
    await db.value(LOCK, lock_key("click_days", account_id))


async def lock_all_sales(db: Db, account_id: int) -> None:
    """Wait for whoever attributes sales, and keep others from it until this transaction ends."""
    await db.value(LOCK, lock_key("sale_days", account_id))
