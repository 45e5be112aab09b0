"""Plain functions in threads, which cannot be cancelled: a cancelled caller waits for the end of its thread."""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
# How long another thread keeps the interpreter lock. With Python's 5 ms, whoever waits for an answer of PostgreSQL
# while a thread works waits that long at each of its steps.
SWITCH_SECONDS = 0.0005


def switch_often() -> None:
    """Let threads of this process take turns at the interpreter so often that its event loop hardly waits."""
    sys.setswitchinterval(SWITCH_SECONDS)


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
