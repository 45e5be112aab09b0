"""The database handle: runs SQL on a pool, or on the single connection of a transaction."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from fanfare.kernel.data.pool import CLOSE_SECONDS, GRACE_SECONDS, MAX_CACHED_LENGTH, Connection, Pool, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unavailable
from fanfare.kernel.running.loop_turns import MANY_ROWS, has_many, long_step
from fanfare.kernel.running.settings import ACCOUNT_SHARE
from fanfare.kernel.running.tasks import start_task

__all__ = ["OUTAGES", "Composed", "Connection", "Db", "Heavy", "Record"]

# The driver's classes are generic in their stubs only.
if TYPE_CHECKING:
    Statement = asyncpg.prepared_stmt.PreparedStatement[Record]
else:
    Statement = asyncpg.prepared_stmt.PreparedStatement

T = TypeVar("T")

WRITE_ATTEMPTS = 8
# How long a heavy read, or a write of many rows, waits for its turn.
HEAVY_SECONDS = 20.0
# Raised for a value that passed validation but does not fit: a number too large, a text that cannot be stored.
UNSTORABLE = (asyncpg.DataError, asyncpg.exceptions.InvalidTextRepresentationError)
# Transient errors of PostgreSQL or the network, not caused by the client.
OUTAGES: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    # Raised for an unexpected server response, as when the server dies between two messages.
    asyncpg.InternalClientError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalServerError,
    ConnectionError,
    TimeoutError,
    OSError,
)


# The driver accepts no subclasses of `str`; these types are for `Db` only.
class Heavy(str):
    """A statement that may read much of an account: outside a transaction it waits for the account's turn."""

    __slots__ = ()


class Composed(Heavy):
    """A statement composed from criteria: every search has another text, so no connection caches it."""

    __slots__ = ()


class Db:
    """Runs statements, each on any connection of the pool; inside `transaction()` all on one connection."""

    __slots__ = ("_account_id", "_background", "_connection", "_is_beside", "_pool", "_seconds")

    def __init__(self, pool: Pool | None = None, connection: Connection | None = None) -> None:
        """Without `pool`, call `open` before use; `connection` is that of the transaction this handle belongs to."""
        self._pool = pool
        self._connection = connection
        self._account_id: int | None = None
        self._is_beside = False
        # The statement timeout in seconds; None for the pool's.
        self._seconds: float | None = None
        self._background: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(
        cls, dsn: str, *, size: int = 10, statement_seconds: float = 30, share: float = ACCOUNT_SHARE
    ) -> "Db":
        """Return a handle over a new pool of at most `size` connections."""
        db = cls()
        await db.open(dsn, size=size, statement_seconds=statement_seconds, share=share)
        return db

    async def open(
        self, dsn: str, *, size: int = 10, statement_seconds: float = 30, share: float = ACCOUNT_SHARE
    ) -> None:
        """Open the pool; one account may use at most `share` of its connections, which are made on demand."""
        self._pool = Pool(dsn, size, statement_seconds, share)

    async def close(self) -> None:
        """Wait up to ten seconds for background work, then close all connections of the pool."""
        if self._background:
            await asyncio.wait(self._background, timeout=CLOSE_SECONDS)
        # A later request finds and repeats what is cancelled.
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._pool is not None:
            await self._pool.close()

    def for_account(self, account_id: int) -> "Db":
        """Return a handle for the work of an account: its use of the pool counts against that account."""
        return self._copy(self._connection, account_id)

    def _copy(self, connection: Connection | None, account_id: int | None, *, is_beside: bool = False) -> "Db":
        db = Db(self._pool, connection)
        db._account_id = account_id
        db._seconds = self._seconds
        db._background = self._background
        db._is_beside = is_beside
        return db

    def independent(self) -> "Db":
        """Return a handle outside of this transaction, whose writes stay when it is rolled back.

        It runs single statements, on a connection kept for that; nothing may be locked here that they wait for.
        """
        return self._copy(None, self._account_id, is_beside=self.in_transaction)

    def leave(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work in the background of a request; a process that stops waits ten seconds for it."""
        task = start_task(work, "work beside an answer")
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    @property
    def account_id(self) -> int | None:
        """The account that this handle works for, if any."""
        return self._account_id

    @property
    def in_transaction(self) -> bool:
        """Whether this handle belongs to a transaction."""
        return self._connection is not None

    @asynccontextmanager
    async def heavy_turn(self) -> AsyncIterator[None]:
        """Wait for the account's turn at heavy reads; inside a transaction do nothing, since waiting comes before."""
        if self._connection is not None:
            yield
            return
        async with self._open_pool().heavy.slot(self._account_id, HEAVY_SECONDS):
            yield

    @asynccontextmanager
    async def long_turn(self) -> AsyncIterator[None]:
        """Wait for the account's turn at writes that take minutes, which do not block its heavy reads."""
        async with self._open_pool().long.slot(self._account_id, HEAVY_SECONDS):
            yield

    def bulk_turn(self) -> AbstractAsyncContextManager[None]:
        """Wait for the account's turn at writes of many rows; call it before any transaction."""
        return self._open_pool().bulk.slot(self._account_id, HEAVY_SECONDS)

    def _open_pool(self) -> Pool:
        if self._pool is None:
            message = "the database is not open yet"
            raise Unavailable(message)
        return self._pool

    def _acquire(self) -> AbstractAsyncContextManager[Any]:
        if self._connection is not None:
            # That of the transaction, which stays open.
            return nullcontext(self._connection)
        return _PooledConnection(self._open_pool(), self._account_id, self._is_beside)

    @asynccontextmanager
    async def _acquire_heavy(self, sql: Heavy) -> AsyncIterator[Any]:
        if self._connection is not None:
            yield self._runner(self._connection, sql)
            return
        # The server frees the unnamed statement at the end of its transaction, else only at the next unnamed statement.
        context = self.transaction() if isinstance(sql, Composed) else nullcontext(self)
        async with self.heavy_turn(), context as tx, tx.connection() as connection:
            yield self._runner(connection, sql)

    def _runner(self, connection: Connection, sql: Heavy) -> "Connection | _UncachedRunner":
        if not isinstance(sql, Composed):
            return connection
        if len(sql) > MAX_CACHED_LENGTH:
            # Planning took about a hundred megabytes, most of which the server process frees only when it exits.
            self._open_pool().retire(connection)
        return _UncachedRunner(connection)

    async def rows(self, sql: str | Sql, *args: object, **named: object) -> list[Record]:
        """Return all rows."""
        rows: list[Record] = await self._run("fetch", sql, args, named)
        if len(rows) > MANY_ROWS or has_many(args) or has_many(named.values()):
            # The caller will iterate over as many.
            await long_step(self._account_id)
        return rows

    async def row(self, sql: str | Sql, *args: object, **named: object) -> Record | None:
        """Return the first row, or None."""
        row: Record | None = await self._run("fetchrow", sql, args, named)
        return row

    async def value(self, sql: str | Sql, *args: object, **named: object) -> Any:  # noqa: ANN401 - depends on the statement
        """Return the first column of the first row, or None."""
        return await self._run("fetchval", sql, args, named)

    async def execute(self, sql: str | Sql, *args: object, **named: object) -> str:
        """Run a statement and return its status, such as `INSERT 0 1`."""
        status: str = await self._run("execute", sql, args, named)
        return status

    async def _run(self, method: str, sql: str | Sql, args: tuple[object, ...], named: Mapping[str, object]) -> Any:  # noqa: ANN401 - depends on the method
        """Run a statement by this method of the driver's connection."""
        sql, args = _compile(sql, args, named)
        if has_many(args):
            await long_step(self._account_id)
        if isinstance(sql, Heavy):
            async with self._acquire_heavy(sql) as connection:
                return await getattr(connection, method)(str(sql), *args, timeout=self._seconds)
        # Without a context manager, whose two coroutines cost as much as the pool itself.
        if self._connection is not None:
            return await getattr(self._connection, method)(sql, *args, timeout=self._seconds)
        pool, account_id, is_beside = self._open_pool(), self._account_id, self._is_beside
        connection = pool.acquire_now(account_id, is_beside=is_beside) or await pool.acquire(
            account_id, is_beside=is_beside
        )
        try:
            result = await getattr(connection, method)(sql, *args, timeout=self._seconds)
        except BaseException as error:
            pool.release(connection, account_id, is_usable=is_usable(error), is_beside=is_beside)
            raise
        pool.release(connection, account_id, is_usable=True, is_beside=is_beside)
        return result

    async def executemany(self, sql: str, args: Iterable[tuple[object, ...]]) -> None:
        """Run a statement once for each tuple of arguments, in one transaction."""
        async with self._acquire() as connection:
            await connection.executemany(sql, args, timeout=self._seconds)

    @asynccontextmanager
    async def transaction(self, isolation: str | None = None) -> AsyncIterator["Db"]:
        """Yield a handle whose statements share one transaction; inside another transaction it is a savepoint."""
        async with self._acquire() as connection:
            transaction = connection.transaction(isolation=isolation)
            await transaction.start()
            try:
                yield self._copy(connection, self._account_id)
            except BaseException as error:
                if not is_usable(error):
                    # The server rolls back when the connection ends; do not query a server that may hang.
                    connection.terminate()
                if not connection.is_closed():
                    await transaction.rollback()
                raise
            await transaction.commit()

    async def allow(self, seconds: float) -> None:
        """Set the statement timeout for the rest of this transaction."""
        await self.value("select set_config('statement_timeout', $1, true)", str(int(seconds * 1000)))
        self._seconds = seconds + GRACE_SECONDS

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Yield the driver's connection, for COPY and cursors."""
        async with self._acquire() as connection:
            yield connection

    async def retry_conflicts(self, write: Callable[["Db"], Awaitable[T]]) -> T:
        """Run a write, and repeat it if it conflicts with a concurrent one, until it sees the other's row.

        Each attempt has its own savepoint only if this handle is inside a transaction, so that a one-statement write
        usually costs one round trip.
        """
        for _ in range(WRITE_ATTEMPTS):
            try:
                if not self.in_transaction:
                    return await write(self)
                async with self.transaction() as db:
                    return await write(db)
            except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                await asyncio.sleep(0)
        message = "too many concurrent writes to the same row"
        raise Unavailable(message)


def _compile(sql: str | Sql, args: tuple[object, ...], named: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    """Return a statement and its positional arguments for the driver; arguments are all named or all positional."""
    if isinstance(sql, Sql):
        (account_id,) = args
        return sql.text, sql.arguments(account_id, named)
    if named:
        message = f"the statement has no named arguments: {sorted(named)}"
        raise TypeError(message)
    return sql, args


def is_usable(error: BaseException | None) -> bool:
    """Return whether a connection is usable after an error: PostgreSQL rejected a statement, or our own code failed.

    It is not if the caller was cancelled during a statement, or if the response was missing or invalid.
    """
    if isinstance(error, asyncpg.PostgresError):
        return error.severity not in ("FATAL", "PANIC")
    is_ours = isinstance(error, Exception) and not isinstance(error, OUTAGES)
    return error is None or is_ours or isinstance(error, asyncpg.DataError)


class _PooledConnection:
    """Acquires a connection from the pool and releases it."""

    __slots__ = ("_account_id", "_connection", "_is_beside", "_pool")

    def __init__(self, pool: Pool, account_id: int | None, is_beside: bool) -> None:  # noqa: FBT001 - private
        self._pool = pool
        self._account_id = account_id
        self._is_beside = is_beside

    async def __aenter__(self) -> Connection:
        self._connection = await self._pool.acquire(self._account_id, is_beside=self._is_beside)
        return self._connection

    async def __aexit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        self._pool.release(self._connection, self._account_id, is_usable=is_usable(error), is_beside=self._is_beside)


class _UncachedRunner:
    """Runs statements like a connection, without caching them."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *args: object, **limit: float | None) -> list[Record]:
        return await (await self._statement(sql)).fetch(*args, **limit)

    async def fetchrow(self, sql: str, *args: object, **limit: float | None) -> Record | None:
        return await (await self._statement(sql)).fetchrow(*args, **limit)

    async def fetchval(self, sql: str, *args: object, **limit: float | None) -> Any:  # noqa: ANN401 - depends on the statement
        rows = await self.fetch(sql, *args, **limit)
        return rows[0][0] if rows else None

    async def execute(self, sql: str, *args: object, **limit: float | None) -> str:
        statement = await self._statement(sql)
        await statement.fetch(*args, **limit)
        return statement.get_statusmsg() or ""

    async def _statement(self, sql: str) -> Statement:
        return await self._connection.prepare(sql, name="")
