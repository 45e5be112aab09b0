"""Waits for an event in the database or in a process, as long as it takes."""

import asyncio
from collections.abc import Awaitable, Callable

from fanfare.kernel.data.db import Db
from tests.running import PATIENCE

BLOCKED = "select count(*) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))"
PAUSE_SECONDS = 0.01


async def until(is_so: Callable[[], Awaitable[object]]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not await is_so():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(PAUSE_SECONDS)


async def until_blocked(db: Db, tx: Db, *tasks: "asyncio.Task[object]", count: int = 0) -> None:
    """Wait until `count` connections wait for a transaction, or each of some tasks does so or has ended."""
    pid = await tx.value("select pg_backend_pid()")

    async def is_blocked() -> bool:
        expected = count + sum(not task.done() for task in tasks)
        blocked: int = await db.value(BLOCKED, pid)
        return blocked >= expected

    await until(is_blocked)
