"""What the tests of index processes share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fanfare.audience.process.server import IndexProcess
from fanfare.kernel.running.settings import Settings


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[IndexProcess]:
    """Give an index process that runs in this one."""
    process = IndexProcess(settings)
    task = asyncio.create_task(process.run())
    try:
        yield process
    finally:
        process.stop()
        await task


async def has(process: IndexProcess, count: int) -> None:
    """Wait until a process answers for so many accounts."""
    async with asyncio.timeout(60):
        while len(process.ready) != count:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
