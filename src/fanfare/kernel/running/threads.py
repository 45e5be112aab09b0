"""Plain functions in threads, which cannot be cancelled: a cancelled caller waits for the end of its thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def run_in_thread(work: Callable[[], T], executor: Executor | None = None) -> T:
    """Run a function in a thread and return its result. If cancelled, wait for the thread, then raise CancelledError.

    So a slot, a lock or a file of the caller is released only when the thread no longer uses it.
    """
    running = asyncio.get_running_loop().run_in_executor(executor, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        # Retrieved, so that asyncio does not log it as never retrieved.
        running.exception()
        raise
