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


class Shares:
    """A number of slots. An account that has used its share, or pauses, waits without blocking other accounts.

    A free slot goes to the waiting account with the fewest slots, among equals in turn, and within an account to the
    first that came. Work of no account (None) may occupy every slot.
    """

    def __init__(self, size: int, part: float = ACCOUNT_SHARE, *, minimum: int = 1) -> None:
        """`part` is the share of the slots that one account may occupy, `minimum` how many it may always occupy."""
        self._size = self._free = size
        self._limit = min(size, max(minimum, int(size * part)))
        self._lent: dict[Owner, int] = {}
        # The waiting accounts in order of their turns.
        self._waiting: dict[Owner, deque[asyncio.Future[None]]] = {}
        self._resting: Counter[Owner] = Counter()

    @property
    def is_unused(self) -> bool:
        """Whether no slot is occupied."""
        return self._free == self._size

    @asynccontextmanager
    async def lend(self, account_id: Owner, seconds: float) -> AsyncIterator[None]:
        """Occupy a slot while the context is open."""
        await self.take(account_id, seconds)
        try:
            yield
        finally:
            self.give(account_id)

    async def take(self, account_id: Owner, seconds: float | None) -> None:
        """Occupy a slot; waits up to `seconds` (None: forever), then raises `Busy`."""
        if self._free and self._may_have_another(account_id):
            self._lend(account_id)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account_id, deque()).append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            self._give_up(account_id, turn)
            if isinstance(error, TimeoutError):
                raise Busy from None
            raise

    def give(self, account_id: Owner, rest: float = 0.0) -> None:
        """Release a slot; the account then gets none for `rest` seconds."""
        self._free += 1
        count = self._lent.pop(account_id) - 1
        if count:
            self._lent[account_id] = count
        if rest:
            self._resting[account_id] += 1
            asyncio.get_running_loop().call_later(rest, self._end_rest, account_id)
        self._serve_all()

    def _end_rest(self, account_id: Owner) -> None:
        self._resting[account_id] -= 1
        if not self._resting[account_id]:
            del self._resting[account_id]
        self._serve_all()

    def _serve_all(self) -> None:
        while self._waiting and self._free and self._serve():
            pass

    def _may_have_another(self, account_id: Owner) -> bool:
        if account_id is None:
            return True
        return self._lent.get(account_id, 0) < self._limit and account_id not in self._resting

    def _lend(self, account_id: Owner) -> None:
        self._free -= 1
        self._lent[account_id] = self._lent.get(account_id, 0) + 1

    def _serve(self) -> bool:
        """Give a free slot to the account whose turn it is; return whether there was one."""
        accounts = [each for each in self._waiting if self._may_have_another(each)]
        if not accounts:
            return False
        account_id = min(accounts, key=lambda each: self._lent.get(each, 0))
        turns = self._waiting.pop(account_id)
        turn = turns.popleft()
        if turns:
            self._waiting[account_id] = turns
        if not turn.done():
            self._lend(account_id)
            turn.set_result(None)
        return True

    def _give_up(self, account_id: Owner, turn: "asyncio.Future[None]") -> None:
        if turn.done() and not turn.cancelled():
            # The slot was assigned just as the caller gave up.
            self.give(account_id)
            return
        turns = self._waiting.get(account_id, deque())
        if turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[account_id]
