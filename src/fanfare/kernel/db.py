"""The database handle: SQL in, rows out, over a pool or over the one connection of a transaction."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from fanfare.kernel.errors import Refusal, Unavailable
from fanfare.kernel.pool import Connection, Pool, Record

__all__ = ["OUTAGES", "Connection", "Db", "Record"]

T = TypeVar("T")

RACES = 8
# After these a connection is as good as before: PostgreSQL said no, or our own code did.
SOUND: tuple[type[BaseException], ...] = (asyncpg.PostgresError, Refusal, ValueError, TypeError, LookupError)
# What PostgreSQL or the way to it says when the fault is not the caller's and will pass.
OUTAGES: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalServerError,
    ConnectionError,
    TimeoutError,
    OSError,
)


class Db:
    """Runs statements. Made over a pool each runs by itself; inside `transaction()` all run on one connection."""

    __slots__ = ("_background", "_connection", "_pool")

    def __init__(self, pool: Pool | None = None, connection: Connection | None = None) -> None:
        """Take the pool, or none when `open` comes later; and the connection of the transaction it belongs to."""
        self._pool = pool
        self._connection = connection
        self._background: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(cls, dsn: str, *, size: int = 10, statement_seconds: float = 30) -> "Db":
        """Return a handle over a new pool of at most `size` connections."""
        db = cls()
        await db.open(dsn, size=size, statement_seconds=statement_seconds)
        return db

    async def open(self, dsn: str, *, size: int = 10, statement_seconds: float = 30) -> None:
        """Open the pool. No connection is made before the first statement."""
        self._pool = Pool(dsn, size, statement_seconds)

    async def close(self) -> None:
        """Wait for the work left in the background, then close every connection of the pool."""
        while self._background:
            await asyncio.wait(self._background)
        if self._pool is not None:
            await self._pool.close()

    def leave(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work beside the answer; the process does not stop before it has ended."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    @property
    def in_transaction(self) -> bool:
        """Say whether this handle belongs to a transaction."""
        return self._connection is not None

    def _use(self) -> AbstractAsyncContextManager[Any]:
        if self._connection is not None:
            return _Held(self._connection)
        if self._pool is None:
            message = "the database is not open yet"
            raise Unavailable(message)
        return _Lent(self._pool)

    async def rows(self, sql: str, *args: object) -> list[Record]:
        """Return every row of the answer."""
        async with self._use() as connection:
            found: list[Record] = await connection.fetch(sql, *args)
            return found

    async def row(self, sql: str, *args: object) -> Record | None:
        """Return the first row, or None."""
        async with self._use() as connection:
            found: Record | None = await connection.fetchrow(sql, *args)
            return found

    async def value(self, sql: str, *args: object) -> Any:  # noqa: ANN401 - the type is the statement's
        """Return the first column of the first row, or None."""
        async with self._use() as connection:
            return await connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> str:
        """Run a statement and return PostgreSQL's word on it, such as `INSERT 0 1`."""
        async with self._use() as connection:
            word: str = await connection.execute(sql, *args)
            return word

    async def executemany(self, sql: str, args: Iterable[tuple[object, ...]]) -> None:
        """Run a statement once for each row of arguments, all in one transaction."""
        async with self._use() as connection:
            await connection.executemany(sql, args)

    @asynccontextmanager
    async def transaction(self, isolation: str | None = None) -> AsyncIterator["Db"]:
        """Give a handle whose statements share one transaction; inside another it is a savepoint."""
        async with self._use() as connection, connection.transaction(isolation=isolation):
            yield Db(self._pool, connection)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Give the driver's own connection, for COPY and cursors."""
        async with self._use() as connection:
            yield connection

    async def racing(self, write: Callable[["Db"], Awaitable[T]]) -> T:
        """Run a write that loses a race by a violated unique index, again until it sees the winner's row.

        Each try has its own transaction only when this handle is already inside one (a savepoint), so that the
        usual one-statement write costs one round trip.
        """
        for _ in range(RACES):
            try:
                if not self.in_transaction:
                    return await write(self)
                async with self.transaction() as db:
                    return await write(db)
            except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                await asyncio.sleep(0)
        message = "too many writers wanted the same row at once"
        raise Unavailable(message)


class _Lent:
    """Lends a connection of the pool and gives it back."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Connection:
        self._connection = await self._pool.take()
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.give(self._connection, is_sound=kind is None or issubclass(kind, SOUND))


class _Held:
    """Lends a connection that somebody else will give back."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> Connection:
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        return None
