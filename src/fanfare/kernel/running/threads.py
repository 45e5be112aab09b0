"""Plain work in threads, which nothing can stop: whoever gives up waits for its end, so what it uses stays taken."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def run_to_its_end(work: Callable[[], T], executor: Executor | None = None) -> T:
    """Run work in a thread and return its result. A caller who is cancelled is so when the thread has ended.

    So a place, a lock or a file that the caller has around this call is given back when nothing uses it any more.
    """
    running = asyncio.get_running_loop().run_in_executor(executor, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        # Looked at, so that nobody is told of it as forgotten.
        running.exception()
        raise
