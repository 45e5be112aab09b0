"""Long inputs are processed in a thread, so that one client's megabyte does not block everybody else.

Accounts take turns at the only thread. Requests without a secret count as one account, within which addresses take
turns.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from typing import ParamSpec, TypeVar

from fanfare.kernel.running import loop_turns
from fanfare.kernel.running.loop_turns import MANY_ROWS
from fanfare.kernel.running.shares import Busy, Shares
from fanfare.kernel.running.threads import run_in_thread

P = ParamSpec("P")
T = TypeVar("T")
# The id of the account if its secret was sent, else the client's address.
Owner = int | str

# Processed within a millisecond or two at worst.
SHORT_BYTES = 8 * 1024
WAIT_SECONDS = 20.0
# Limits for waiting inputs: of an account, of all addresses together, and of one address.
MAX_WAITING_BYTES = 32 * 1024 * 1024
MAX_WAITING_BYTES_OF_ADDRESS = MAX_WAITING_BYTES // 4
# All addresses together are one owner of the thread.
STRANGERS = "strangers"
# A single thread: with two, the loop would wait twice as long for the interpreter lock.
_thread = ThreadPoolExecutor(1, "long_inputs")


class _Turns:
    """Which owner has the thread, and how many bytes each has waiting."""

    def __init__(self) -> None:
        self._thread = Shares(1)
        self._strangers = Shares(1)
        # CPU seconds used by the thread.
        self._cpu_seconds = 0.0
        self._waiting: Counter[Owner | None] = Counter()

    @asynccontextmanager
    async def slot(self, owner: Owner, size: int) -> AsyncIterator[None]:
        """Reserve the thread; raises `Busy` if the owner has too much waiting, or waits too long."""
        if isinstance(owner, int):
            limits: dict[Owner | None, int] = {owner: MAX_WAITING_BYTES}
        else:
            limits = {owner: MAX_WAITING_BYTES_OF_ADDRESS, None: MAX_WAITING_BYTES}
        if any(self._waiting[each] + size > limit for each, limit in limits.items()):
            raise Busy
        self._waiting.update(dict.fromkeys(limits, size))
        try:
            async with self._turn(owner):
                yield
        finally:
            self._waiting.subtract(dict.fromkeys(limits, size))
            self._waiting = +self._waiting

    @asynccontextmanager
    async def _turn(self, owner: Owner) -> AsyncIterator[None]:
        if isinstance(owner, int):
            async with self._thread_slot(owner):
                yield
        else:
            async with self._strangers.slot(owner, WAIT_SECONDS), self._thread_slot(STRANGERS):
                yield

    @asynccontextmanager
    async def _thread_slot(self, owner: Owner) -> AsyncIterator[None]:
        await self._thread.acquire(owner, WAIT_SECONDS)
        previous = self._cpu_seconds
        try:
            yield
        finally:
            self._thread.release(owner, loop_turns.turns().pause_seconds(owner, self._cpu_seconds - previous))

    def timed(self, work: Callable[[], T]) -> T:
        """Run work in the thread and add its CPU time."""
        start = time.thread_time()
        try:
            return work()
        finally:
            self._cpu_seconds += time.thread_time() - start


@cache
def _turns(_: asyncio.AbstractEventLoop) -> _Turns:
    return _Turns()


async def run_by_size(owner: Owner, size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function on an owner's input of `size` bytes: directly if it is short, else in the thread for long inputs.

    There it blocks the loop for at most the interpreter's switch interval (`SWITCH_SECONDS` of `threads`), or one call
    into C. If other accounts have requests in progress, the owner then pauses for as long as the work took.
    """
    if size <= SHORT_BYTES:
        return work(*args, **kwargs)
    turns = _turns(asyncio.get_running_loop())
    async with turns.slot(owner, size):
        return await run_in_thread(lambda: turns.timed(lambda: work(*args, **kwargs)), _thread)


async def run_by_rows(account_id: int, rows: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function on `rows` rows of an account's input, like `run_by_size`."""
    return await run_by_size(account_id, 0 if rows <= MANY_ROWS else SHORT_BYTES + 1, work, *args, **kwargs)
