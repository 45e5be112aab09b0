"""The connection pool of a process: connections are made on demand, and closed when they are old or broken.

asyncpg's own pool wraps every call in a proxy and resets every connection on release. Nothing here leaves SET, LISTEN
or session locks behind, so neither is needed: docs/decisions/0025-pool.md.
"""

import asyncio
import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from fanfare.kernel.running.settings import ACCOUNT_SHARE, BESIDE_CONNECTIONS
from fanfare.kernel.running.shares import Shares

Record = asyncpg.Record
# The driver's classes are generic in their stubs only.
if TYPE_CHECKING:
    Connection = asyncpg.Connection[Record]
else:
    Connection = asyncpg.Connection

WAIT_SECONDS = 5.0
CLOSE_SECONDS = 10.0
# How long a transaction may do nothing.
IDLE_SECONDS = 60.0
# How long after PostgreSQL's own timeout the server counts as hanging.
GRACE_SECONDS = 2.0
# A connection is closed at an age between this and twice this, which frees the memory of its server process.
AGE_SECONDS = 900.0
# Connections that no caller needed for this long are closed, but for one: a server process of PostgreSQL has megabytes.
SPARE_SECONDS = 30.0
# One in this many connections may run a heavy read; the same holds for writes that take minutes or have a large body.
HEAVY = 3
# Each connection caches the statements of the source: some 300 on a server, the longest of 21,000 characters.
CACHED_STATEMENTS = 512
MAX_CACHED_LENGTH = 32_768


class Pool:
    """At most `size` connections to one database, of which one account may use a share, and one for statements beside.

    Callers in a transaction never wait for each other's connections for such a statement, however many there are.
    """

    def __init__(self, dsn: str, size: int, statement_seconds: float, share: float = ACCOUNT_SHARE) -> None:
        """`share` is the part of the connections that one account may use. Connections are made on demand."""
        self._dsn = dsn
        self._statement_seconds = statement_seconds
        self._shares = Shares(size, share)
        self._reserve = Shares(BESIDE_CONNECTIONS, share)
        self.heavy, self.long, self.bulk = (Shares(max(1, size // HEAVY), share) for _ in range(3))
        # The last one released is the first one taken, so those that nobody needs stay at the beginning.
        self._idle: list[Connection] = []
        # The least number of idle connections since the last look at them, by a timer that the first one starts.
        self._spare = 0
        self._timer: asyncio.TimerHandle | None = None
        # When each connection is to be closed.
        self._close_times: dict[Connection, float] = {}
        self._is_closed = False
        self._all_released = asyncio.Event()

    def acquire_now(self, account_id: int | None, *, is_beside: bool = False) -> Connection | None:
        """Return a connection if a slot and an open connection are free, which saves most statements three awaits."""
        idle = self._idle
        if not idle or idle[-1].is_closed() or not self._shares_for(is_beside).acquire_now(account_id):
            return None
        connection = idle.pop()
        self._spare = min(self._spare, len(idle))
        return connection

    async def acquire(self, account_id: int | None, *, is_beside: bool = False) -> Connection:
        """Return a connection, `is_beside` for one statement; waits at most five seconds for it, then raises `Busy`."""
        await self._shares_for(is_beside).acquire(account_id, WAIT_SECONDS)
        try:
            self._refuse_when_closed()
            while self._idle:
                connection = self._idle.pop()
                self._spare = min(self._spare, len(self._idle))
                if not connection.is_closed():
                    return connection
                self._drop(connection)
            return await self._connect()
        except BaseException:
            self._release_slot(account_id, is_beside)
            raise

    def _shares_for(self, is_beside: bool) -> Shares:  # noqa: FBT001 - private
        return self._reserve if is_beside else self._shares

    async def _connect(self) -> Connection:
        connection: Connection | None = None
        try:
            connection = await asyncpg.connect(
                self._dsn,
                timeout=WAIT_SECONDS,
                command_timeout=self._statement_seconds + GRACE_SECONDS,
                statement_cache_size=CACHED_STATEMENTS,
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=MAX_CACHED_LENGTH,
                server_settings={
                    "application_name": "fanfare",
                    "timezone": "UTC",
                    "jit": "off",
                    "statement_timeout": str(int(self._statement_seconds * 1000)),
                    "idle_in_transaction_session_timeout": str(int(IDLE_SECONDS * 1000)),
                    # A statement whose client has disconnected ends within a second.
                    "client_connection_check_interval": "1000",
                },
            )
            for name in ("json", "jsonb"):
                await connection.set_type_codec(name, schema="pg_catalog", encoder=_dump, decoder=msgspec.json.decode)
            self._refuse_when_closed()
        except BaseException:
            if connection:
                connection.terminate()
            raise
        self._close_times[connection] = time.monotonic() + AGE_SECONDS * random.uniform(1, 2)  # noqa: S311 - no secret
        self._timer = self._timer or asyncio.get_running_loop().call_later(SPARE_SECONDS, self._close_spare)
        return connection

    def _close_spare(self) -> None:
        """Close the connections that were idle all the time since the last look, but for one of all."""
        spare = min(self._spare, len(self._close_times) - 1)
        for each in self._idle[:spare]:
            self._drop(each)
        del self._idle[:spare]
        self._spare = len(self._idle)
        self._timer = asyncio.get_running_loop().call_later(SPARE_SECONDS, self._close_spare)

    def _refuse_when_closed(self) -> None:
        if self._is_closed:
            message = "the database is closed"
            raise asyncpg.InterfaceError(message)

    def release(
        self, connection: Connection, account_id: int | None, *, is_usable: bool, is_beside: bool = False
    ) -> None:
        """Release a connection. It is closed if it is old, or was left in a transaction or within a statement."""
        now = time.monotonic()
        is_good = is_usable and not connection.is_closed() and not connection.is_in_transaction()
        if is_good and not self._is_closed and now < self._close_times[connection]:
            self._idle.append(connection)
        else:
            self._drop(connection)
        # The first has been idle longest.
        if self._idle and now >= self._close_times[self._idle[0]]:
            self._drop(self._idle.pop(0))
        self._release_slot(account_id, is_beside)

    def retire(self, connection: Connection) -> None:
        """Close a connection when it is released."""
        self._close_times[connection] = 0.0

    def _drop(self, connection: Connection) -> None:
        del self._close_times[connection]
        connection.terminate()

    def _release_slot(self, account_id: int | None, is_beside: bool) -> None:  # noqa: FBT001 - private
        self._shares_for(is_beside).release(account_id)
        if self._is_closed and self._is_unused:
            self._all_released.set()

    @property
    def _is_unused(self) -> bool:
        return self._shares.is_unused and self._reserve.is_unused

    async def close(self) -> None:
        """Wait at most ten seconds for connections in use, then close all."""
        self._is_closed = True
        if self._timer:
            self._timer.cancel()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(each.close(timeout=1) for each in idle), return_exceptions=True)
        if not self._is_unused:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._all_released.wait()
        for each in self._close_times:
            each.terminate()


def _dump(value: object) -> str:
    return msgspec.json.encode(value).decode()
