"""Fair sharing: slots (connections, heavy reads, threads) of which no account may occupy all."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fanfare.kernel.running.settings import ACCOUNT_SHARE

# An account, or another client that takes turns; None for work of no account.
Owner = int | str | None


class Busy(TimeoutError):  # noqa: N818 - not an error of the program
    """No slot became free in time."""


def _expire(slot_future: "asyncio.Future[None]") -> None:
    if not slot_future.done():
        slot_future.set_exception(Busy())


class Shares:
    """A number of slots. An account that has used its share, or pauses, waits without blocking other accounts.

    A free slot goes to the waiting account with the fewest slots, among equals in turn, and within an account to the
    first that came. Work of no account (None) may occupy every slot.
    """

    def __init__(self, size: int, share: float = ACCOUNT_SHARE) -> None:
        """`share` is the share of the slots that one account may occupy, one at least."""
        self._size = self._free = size
        self._limit = min(size, max(1, int(size * share)))
        self._occupied: dict[Owner, int] = {}
        # The waiting accounts in order of their turns.
        self._waiting: dict[Owner, deque[asyncio.Future[None]]] = {}
        self._paused: Counter[Owner] = Counter()

    @property
    def is_unused(self) -> bool:
        """Whether no slot is occupied."""
        return self._free == self._size

    @asynccontextmanager
    async def slot(self, account_id: Owner, seconds: float) -> AsyncIterator[None]:
        """Occupy a slot while the context is open."""
        await self.acquire(account_id, seconds)
        try:
            yield
        finally:
            self.release(account_id)

    def acquire_now(self, account_id: Owner) -> bool:
        """Occupy a slot if one is free for the account; return whether it was."""
        if self._free and self._may_acquire(account_id):
            self._occupy(account_id)
            return True
        return False

    async def acquire(self, account_id: Owner, seconds: float | None) -> None:
        """Occupy a slot; waits up to `seconds` (None: forever), then raises `Busy`."""
        if self.acquire_now(account_id):
            return
        loop = asyncio.get_running_loop()
        slot_future: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(account_id, deque()).append(slot_future)
        # Cheaper than asyncio.timeout, which costs as much as the rest of a wait.
        timer = None if seconds is None else loop.call_later(seconds, _expire, slot_future)
        try:
            await slot_future
        except BaseException:
            self._withdraw(account_id, slot_future)
            raise
        finally:
            if timer:
                timer.cancel()

    def release(self, account_id: Owner, pause: float = 0.0) -> None:
        """Release a slot; the account then gets none for `pause` seconds."""
        self._free += 1
        count = self._occupied.pop(account_id) - 1
        if count:
            self._occupied[account_id] = count
        if pause:
            self._paused[account_id] += 1
            asyncio.get_running_loop().call_later(pause, self._end_pause, account_id)
        if self._waiting:
            self._assign_all()

    def _end_pause(self, account_id: Owner) -> None:
        self._paused[account_id] -= 1
        if not self._paused[account_id]:
            del self._paused[account_id]
        self._assign_all()

    def _assign_all(self) -> None:
        while self._waiting and self._free and self._assign_next():
            pass

    def _may_acquire(self, account_id: Owner) -> bool:
        if account_id is None:
            return True
        return self._occupied.get(account_id, 0) < self._limit and account_id not in self._paused

    def _occupy(self, account_id: Owner) -> None:
        self._free -= 1
        self._occupied[account_id] = self._occupied.get(account_id, 0) + 1

    def _assign_next(self) -> bool:
        """Give a free slot to the account whose turn it is; return whether there was one."""
        accounts = [each for each in self._waiting if self._may_acquire(each)]
        if not accounts:
            return False
        account_id = min(accounts, key=lambda each: self._occupied.get(each, 0)) if len(accounts) > 1 else accounts[0]
        turns = self._waiting.pop(account_id)
        slot_future = turns.popleft()
        if turns:
            self._waiting[account_id] = turns
        if not slot_future.done():
            self._occupy(account_id)
            slot_future.set_result(None)
        return True

    def _withdraw(self, account_id: Owner, slot_future: "asyncio.Future[None]") -> None:
        if slot_future.done() and not slot_future.cancelled() and slot_future.exception() is None:
            # The slot was assigned just as the caller gave up.
            self.release(account_id)
            return
        turns = self._waiting.get(account_id, deque())
        if slot_future in turns:
            turns.remove(slot_future)
            if not turns:
                del self._waiting[account_id]
