"""Waits for new changes without a database connection: one task looks for all clients of an account."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from fanfare.kernel.data.changes import newest_position
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unavailable
from fanfare.kernel.running.stopping import stopping
from fanfare.kernel.running.tasks import start_task

LOOK_SECONDS = 0.2
# Clients of a process that wait or read a stream, of one account and in all.
MAX_ACCOUNT_CLIENTS = 50
MAX_CLIENTS = 500


class Watch:
    """Looks for changes of an account while somebody waits."""

    def __init__(self) -> None:
        self.waiting: dict[asyncio.Future[None], int] = {}
        self.task: asyncio.Task[None] | None = None

    async def look(self, db: Db, account_id: int) -> None:
        """Wake those who wait for a change once there is one, until nobody waits; a failure wakes all."""
        try:
            while self.waiting and not stopping().is_set():
                newest = await newest_position(db, account_id)
                for future, position in self.waiting.items():
                    if newest > position and not future.done():
                        future.set_result(None)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping().wait(), LOOK_SECONDS)
        finally:
            # They read, and are refused when the database is down.
            for future in self.waiting:
                if not future.done():
                    future.set_result(None)


class Watches:
    """The watches of a process, by account, and its clients that wait or read a stream."""

    def __init__(self) -> None:
        self._watches: dict[int, Watch] = {}
        self._clients: Counter[int] = Counter()

    def require_room(self, account_id: int) -> None:
        """Raise Unavailable if too many clients wait."""
        if self._clients[account_id] >= MAX_ACCOUNT_CLIENTS or self._clients.total() >= MAX_CLIENTS:
            message = "too many clients wait for changes; try again shortly"
            raise Unavailable(message, retry_after=5)

    @contextmanager
    def client(self, account_id: int) -> Iterator[None]:
        """Count a client while it waits or reads a stream."""
        self._clients[account_id] += 1
        try:
            yield
        finally:
            self._clients[account_id] -= 1
            if not self._clients[account_id]:
                del self._clients[account_id]

    async def wait(self, db: Db, account_id: int, position: int, seconds: float) -> None:
        """Wait until an account has a change after a position, at most some seconds, or until the server stops."""
        watch = self._watches.setdefault(account_id, Watch())
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        watch.waiting[future] = position
        if watch.task is None or watch.task.done():
            watch.task = start_task(self._look(watch, db, account_id), "watch of changes")
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(future, seconds)
        finally:
            del watch.waiting[future]

    async def _look(self, watch: Watch, db: Db, account_id: int) -> None:
        # Not cancelled when nobody waits any more: that would close its connection.
        try:
            await watch.look(db, account_id)
        finally:
            del self._watches[account_id]


@cache
def _watches_of(_: asyncio.AbstractEventLoop) -> Watches:
    return Watches()


def watches() -> Watches:
    """Return the watches of the running event loop."""
    return _watches_of(asyncio.get_running_loop())
