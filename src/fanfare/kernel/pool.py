"""The connections of a process: made when wanted, lent to one caller at a time, dropped when they may be unsound.

asyncpg's own pool guards every call by a proxy and resets every connection that comes back. Nothing here leaves SET,
LISTEN or session locks behind, so neither is needed; without them a short call takes an eighth less of the server.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg
import msgspec

Record = asyncpg.Record
# The driver's classes take a type argument in their stubs alone.
if TYPE_CHECKING:
    Connection = asyncpg.Connection[Record]
else:
    Connection = asyncpg.Connection

# What a caller waits for: a connection, or none when it may make one.
Turn = asyncio.Future[Connection | None]
WAIT_SECONDS = 5.0
CLOSE_SECONDS = 10.0


class Pool:
    """At most `size` connections to one database."""

    def __init__(self, dsn: str, size: int, statement_seconds: float) -> None:
        """Take where to connect to. No connection is made before the first is taken."""
        self._dsn = dsn
        self._size = size
        self._settings = {
            "application_name": "fanfare",
            "timezone": "UTC",
            "jit": "off",
            "statement_timeout": str(int(statement_seconds * 1000)),
            "idle_in_transaction_session_timeout": "60000",
            # A statement whose caller is gone ends within a second.
            "client_connection_check_interval": "1000",
        }
        self._idle: list[Connection] = []
        self._waiting: deque[Turn] = deque()
        self._made = 0
        self._is_closed = False
        self._empty = asyncio.Event()

    async def take(self) -> Connection:
        """Lend a connection; wait for one at most five seconds, first come first served, then raise TimeoutError."""
        if self._is_closed:
            message = "the database is closed"
            raise asyncpg.InterfaceError(message)
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._made -= 1
        if self._made < self._size:
            self._made += 1
            return await self._connect()
        return await self._turn() or await self._connect()

    async def _connect(self) -> Connection:
        """Make a connection for a place that is counted already."""
        connection: Connection | None = None
        try:
            connection = await asyncpg.connect(
                self._dsn,
                timeout=WAIT_SECONDS,
                statement_cache_size=512,
                max_cached_statement_lifetime=0,
                # Any size: the longest statements cost the most to plan.
                max_cacheable_statement_size=0,
                server_settings=self._settings,
            )
            for name in ("json", "jsonb"):
                await connection.set_type_codec(name, schema="pg_catalog", encoder=_dump, decoder=msgspec.json.decode)
        except BaseException:
            if connection:
                connection.terminate()
            self._pass_on(None)
            raise
        return connection

    async def _turn(self) -> Connection | None:
        """Wait for a connection that is given back, or for the place of one that was dropped."""
        turn: Turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                # It came as the caller gave up.
                self._pass_on(turn.result())
            raise

    def give(self, connection: Connection, *, is_sound: bool) -> None:
        """Take a connection back. One that was left in a transaction or in the middle of a statement is ended."""
        if is_sound and not connection.is_closed() and not connection.is_in_transaction() and not self._is_closed:
            self._pass_on(connection)
        else:
            connection.terminate()
            self._pass_on(None)

    def _pass_on(self, connection: Connection | None) -> None:
        """Give a connection, or the place of one that is no more, to who waits longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._made -= 1
            self._note_empty()
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        """Wait for what is lent, at most ten seconds, and end every connection."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            self._made -= 1
            await connection.close(timeout=1)
        self._note_empty()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._empty.wait()

    def _note_empty(self) -> None:
        if self._made == 0:
            self._empty.set()


def _dump(value: object) -> str:
    return msgspec.json.encode(value).decode()
