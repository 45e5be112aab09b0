"""Sweeps of one worker: together they need few connections while there is nothing to do."""

import asyncio
from datetime import UTC, datetime

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import Job
from fanfare.kernel.data.sweeps import Sweep


async def test_jobs_of_the_same_minute_take_turns_at_asking_who_is_due(db: Db) -> None:
    question = asyncio.Event()

    async def accounts() -> list[int]:
        question.set()
        return []

    turns = asyncio.Semaphore(1)
    sweep = Sweep(Job("test.ask", accounts, each=accounts), db, lambda: datetime.now(UTC))
    async with turns:
        run = asyncio.create_task(sweep.run(turns))
        # As many steps as it needs to ask, and more.
        for _ in range(10):
            await asyncio.sleep(0)
        assert not question.is_set()
    await run
    assert question.is_set()
