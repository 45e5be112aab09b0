"""Helpers for tests of index processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fanfare.audience.process.server import IndexProcess
from fanfare.kernel.running.settings import Settings
from tests.running import PATIENCE


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[IndexProcess]:
    """Run an index process as a task of this process."""
    process = IndexProcess(settings)
    task = asyncio.create_task(process.run())
    try:
        yield process
    finally:
        process.stop()
        await task


async def has(process: IndexProcess, count: int) -> None:
    """Wait until a process answers for `count` accounts."""
    async with asyncio.timeout(PATIENCE):
        while len(process.ready) != count:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.05)
