"""Long inputs are worked on beside the event loop, so that one caller's megabyte does not stop everybody else."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# What takes a few milliseconds at worst.
SHORT_BYTES = 32 * 1024
SHORT_ROWS = 50
# One thread: between two the loop would wait for its turn twice as long.
_thread = ThreadPoolExecutor(1, "long_inputs")


async def run_by_size(size: int, work: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
    """Run plain work on an input of `size` bytes: at once when it is short, else in the thread for long inputs.

    There it holds the loop for no longer than the interpreter lets one thread run, 5 ms, or one call into C.
    """
    if size <= SHORT_BYTES:
        return work(*args, **more)
    return await asyncio.get_running_loop().run_in_executor(_thread, lambda: work(*args, **more))


async def run_by_rows(rows: int, work: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
    """Run plain work on so many rows of an input, as `run_by_size` does by bytes."""
    return await run_by_size(0 if rows <= SHORT_ROWS else SHORT_BYTES + 1, work, *args, **more)
