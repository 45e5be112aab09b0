"""Turns at the event loop for long steps: plain Python that reads, builds or encodes many rows in one go.

Nothing interrupts such a step. So one runs at a time, and what else is ready has its turn between two. While calls of
others are under way, an account rests after a step for as long as the step took: no account has more than half of the
loop. docs/decisions/0025-pool.md
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from fanfare.kernel.running.shares import Owner, Shares

# Rows of which a step is long: it takes a millisecond or more.
MANY_ROWS = 50


class LoopTurns:
    """Who has the loop for a long step, who waits for it, and whose calls are under way."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.places = Shares(1)
        self._calls: Counter[Owner] = Counter()
        # CPU seconds of the loop's thread at the start of the step under way.
        self._started: float | None = None

    @contextmanager
    def call(self, account_id: int) -> Iterator[None]:
        """Count a call of an account for as long as the context lasts."""
        self._calls[account_id] += 1
        try:
            yield
        finally:
            self._calls[account_id] -= 1
            if not self._calls[account_id]:
                del self._calls[account_id]

    def rest(self, owner: Owner, seconds: float) -> float:
        """Return how long an owner rests after a step of so many seconds: not at all when nobody else is served."""
        return seconds if len(self._calls) > (owner in self._calls) else 0.0

    async def take(self, owner: Owner) -> None:
        """Wait for the owner's turn. The step is what follows without waiting for anything; then the turn is over."""
        await self.places.take(owner, None)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        loop.call_soon(self._begin, turn, owner)
        await turn
        self._started = time.thread_time()

    def _begin(self, turn: "asyncio.Future[None]", owner: Owner) -> None:
        if not turn.done():
            turn.set_result(None)
        # Behind the step, in the same round of the loop.
        asyncio.get_running_loop().call_soon(self._end, owner)

    def _end(self, owner: Owner) -> None:
        took = 0.0 if self._started is None else time.thread_time() - self._started
        self._started = None
        self.places.give(owner, self.rest(owner, took))


@cache
def turns_of(_: asyncio.AbstractEventLoop) -> LoopTurns:
    """Return the turns at an event loop."""
    return LoopTurns()


def turns() -> LoopTurns:
    """Return the turns at the running event loop."""
    return turns_of(asyncio.get_running_loop())


async def long_step(owner: Owner) -> None:
    """Wait until the owner may hold the loop for a long step, which follows at once."""
    await turns().take(owner)


def has_many(values: Iterable[object]) -> bool:
    """Say whether one of these values, arguments or an answer, is a list of many rows."""
    return any(value.__class__ is list and len(value) > MANY_ROWS for value in values)
