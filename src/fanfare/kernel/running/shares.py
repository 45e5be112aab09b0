"""Places that all accounts share and no account may have all of: connections, heavy reads, threads."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fanfare.kernel.running.settings import ACCOUNT_SHARE

# An account, or whoever else takes turns; None is nobody in particular.
Owner = int | str | None


class Busy(TimeoutError):  # noqa: N818 - a state that passes, answered as it is
    """No place came free in time."""


class Shares:
    """A number of places, lent to accounts. An account that has its part, or rests, waits; nobody waits behind it.

    What comes free goes to the account that has the fewest places, among equals in turn, and inside an account to who
    came first. Work of no account (None) may take every place.
    """

    def __init__(self, size: int, part: float = ACCOUNT_SHARE, *, minimum: int = 1) -> None:
        """Take the number of places, the part that an account may have, and how many it may have in any case."""
        self._size = self._free = size
        self._limit = min(size, max(minimum, int(size * part)))
        self._lent: dict[Owner, int] = {}
        # The accounts that wait, in the order of their turns.
        self._waiting: dict[Owner, deque[asyncio.Future[None]]] = {}
        self._resting: Counter[Owner] = Counter()

    @property
    def is_unused(self) -> bool:
        """Say whether no place is lent."""
        return self._free == self._size

    @asynccontextmanager
    async def lend(self, account_id: Owner, seconds: float) -> AsyncIterator[None]:
        """Lend a place for as long as the context lasts."""
        await self.take(account_id, seconds)
        try:
            yield
        finally:
            self.give(account_id)

    async def take(self, account_id: Owner, seconds: float | None) -> None:
        """Take a place; wait for one at most that many seconds, where there are any, then raise `Busy`."""
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
        """Give a place back; the account takes none for so many seconds."""
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
        """Lend a free place to whose turn it is; say whether there is anybody."""
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
            # The place came as the caller gave up.
            self.give(account_id)
            return
        turns = self._waiting.get(account_id, deque())
        if turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[account_id]
