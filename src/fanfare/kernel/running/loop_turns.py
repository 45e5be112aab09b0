"""Turns at the event loop for long steps: plain Python that reads, builds or encodes many rows without yielding.

Nothing interrupts such a step. So they run one at a time, and other callbacks run in between. If other accounts have
requests in progress, an account pauses after a step for as long as the step took: no account uses more than half of the
loop. docs/decisions/0025-pool.md
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from fanfare.kernel.running.shares import Owner, Shares

# A step over more rows is long: it takes a millisecond or more.
MANY_ROWS = 50


class _Call:
    """A request in progress; a class, because every request enters it and a generator takes three times as long."""

    __slots__ = ("_account_id", "_calls")

    def __init__(self, calls: dict[Owner, int], account_id: int) -> None:
        self._calls = calls
        self._account_id = account_id

    def __enter__(self) -> None:
        self._calls[self._account_id] = self._calls.get(self._account_id, 0) + 1

    def __exit__(self, *_: object) -> None:
        count = self._calls.pop(self._account_id) - 1
        if count:
            self._calls[self._account_id] = count


class LoopTurns:
    """Who has the loop for a long step, who waits for it, and which accounts have requests in progress."""

    def __init__(self) -> None:
        self.slots = Shares(1)
        self._calls: dict[Owner, int] = {}
        # CPU time of the loop's thread at the start of the current step.
        self._started: float | None = None

    def call(self, account_id: int) -> "_Call":
        """Count a request of an account while the context is open."""
        return _Call(self._calls, account_id)

    @contextmanager
    def absence(self, account_id: int) -> Iterator[None]:
        """Do not count a request in progress while it waits for something that is not work of this process."""
        call = self.call(account_id)
        call.__exit__()
        try:
            yield
        finally:
            call.__enter__()

    def pause_seconds(self, owner: Owner, seconds: float) -> float:
        """Return how long an owner pauses after a step of `seconds`: not at all if nobody else is being served."""
        return seconds if len(self._calls) > (owner in self._calls) else 0.0

    async def wait_turn(self, owner: Owner) -> None:
        """Wait for the owner's turn. The step is the code up to the next await; after it the turn is over."""
        await self.slots.acquire(owner, None)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        loop.call_soon(self._begin, turn, owner)
        await turn
        self._started = time.thread_time()

    def _begin(self, turn: "asyncio.Future[None]", owner: Owner) -> None:
        if not turn.done():
            turn.set_result(None)
        # Runs after the step, in the same iteration of the loop.
        asyncio.get_running_loop().call_soon(self._end, owner)

    def _end(self, owner: Owner) -> None:
        took = 0.0 if self._started is None else time.thread_time() - self._started
        self._started = None
        self.slots.release(owner, self.pause_seconds(owner, took))


@cache
def turns_of(_: asyncio.AbstractEventLoop) -> LoopTurns:
    """Return the turns of an event loop."""
    return LoopTurns()


def turns() -> LoopTurns:
    """Return the turns of the running event loop."""
    return turns_of(asyncio.get_running_loop())


async def long_step(owner: Owner) -> None:
    """Wait until the owner may block the loop for a long step, which must follow immediately."""
    await turns().wait_turn(owner)


def has_many(values: Iterable[object]) -> bool:
    """Return whether one of the values (arguments or an answer) is a list of many rows."""
    for value in values:  # noqa: SIM110 - a generator takes four times as long, and every statement comes here
        if value.__class__ is list and len(value) > MANY_ROWS:
            return True
    return False
