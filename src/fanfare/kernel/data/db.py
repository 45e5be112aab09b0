"""The database handle: SQL in, rows out, over a pool or over the one connection of a transaction."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from fanfare.kernel.data.pool import CLOSE_SECONDS, GRACE_SECONDS, KEPT_LENGTH, Connection, Pool, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unavailable
from fanfare.kernel.running.loop_turns import MANY_ROWS, has_many, long_step
from fanfare.kernel.running.settings import ACCOUNT_SHARE
from fanfare.kernel.running.tasks import begin

__all__ = ["OUTAGES", "Composed", "Connection", "Db", "Heavy", "Record"]

# The driver's classes take a type argument in their stubs alone.
if TYPE_CHECKING:
    Statement = asyncpg.prepared_stmt.PreparedStatement[Record]
else:
    Statement = asyncpg.prepared_stmt.PreparedStatement

T = TypeVar("T")

RACES = 8
# How long a heavy read, or a write of many rows, waits for its turn.
HEAVY_SECONDS = 20.0
# What PostgreSQL says of a value that passed the wire but does not fit: a number too large, a text it cannot store.
MISFITS = (asyncpg.DataError, asyncpg.exceptions.InvalidTextRepresentationError)
# What PostgreSQL or the way to it says when the fault is not the caller's and will pass.
OUTAGES: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    # The driver's word for what it did not expect of a server, as when that dies between two messages.
    asyncpg.InternalClientError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalServerError,
    ConnectionError,
    TimeoutError,
    OSError,
)


# The driver takes nothing but `str` itself, so these are for `Db` alone.
class Heavy(str):
    """A statement that may read much of an account: outside a transaction it waits for the account's turn."""

    __slots__ = ()


class Composed(Heavy):
    """A statement composed of criteria: there are as many as askers, so no connection keeps it."""

    __slots__ = ()


class Db:
    """Runs statements. Made over a pool each runs by itself; inside `transaction()` all run on one connection."""

    __slots__ = ("_account_id", "_background", "_connection", "_pool", "_seconds")

    def __init__(self, pool: Pool | None = None, connection: Connection | None = None) -> None:
        """Take the pool, or none when `open` comes later; and the connection of the transaction it belongs to."""
        self._pool = pool
        self._connection = connection
        self._account_id: int | None = None
        # How long a statement may take; None for as long as the pool says.
        self._seconds: float | None = None
        self._background: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(
        cls, dsn: str, *, size: int = 10, statement_seconds: float = 30, part: float = ACCOUNT_SHARE
    ) -> "Db":
        """Return a handle over a new pool of at most `size` connections."""
        db = cls()
        await db.open(dsn, size=size, statement_seconds=statement_seconds, part=part)
        return db

    async def open(
        self, dsn: str, *, size: int = 10, statement_seconds: float = 30, part: float = ACCOUNT_SHARE
    ) -> None:
        """Open the pool, of which an account may have a part. No connection is made before the first statement."""
        self._pool = Pool(dsn, size, statement_seconds, part)

    async def close(self) -> None:
        """Wait for the work left in the background, at most ten seconds, then close every connection of the pool."""
        if self._background:
            await asyncio.wait(self._background, timeout=CLOSE_SECONDS)
        # What it leaves undone a later call finds and does.
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._pool is not None:
            await self._pool.close()

    def for_account(self, account_id: int) -> "Db":
        """Return this handle for the work of an account: what it takes of the pool counts as the account's."""
        return self._copy(self._connection, account_id)

    def _copy(self, connection: Connection | None, account_id: int | None) -> "Db":
        db = Db(self._pool, connection)
        db._account_id = account_id
        db._seconds = self._seconds
        db._background = self._background
        return db

    def leave(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work beside the answer; a process that stops waits ten seconds for it."""
        task = begin(work, "work beside an answer")
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    @property
    def account_id(self) -> int | None:
        """Return the account whose work this handle does, if any."""
        return self._account_id

    @property
    def in_transaction(self) -> bool:
        """Say whether this handle belongs to a transaction."""
        return self._connection is not None

    @asynccontextmanager
    async def heavy_turn(self) -> AsyncIterator[None]:
        """Wait for the account's turn at heavy reads; inside a transaction there is none, it comes before."""
        if self._connection is not None:
            yield
            return
        async with self._open_pool().heavy.lend(self._account_id, HEAVY_SECONDS):
            yield

    @asynccontextmanager
    async def long_turn(self) -> AsyncIterator[None]:
        """Wait for the account's turn at writes that take minutes, so that they leave the heavy reads theirs."""
        async with self._open_pool().long.lend(self._account_id, HEAVY_SECONDS):
            yield

    def bulk_turn(self) -> AbstractAsyncContextManager[None]:
        """Wait for the account's turn at writes of many rows; it comes before any transaction."""
        return self._open_pool().bulk.lend(self._account_id, HEAVY_SECONDS)

    def _open_pool(self) -> Pool:
        if self._pool is None:
            message = "the database is not open yet"
            raise Unavailable(message)
        return self._pool

    def _use(self, sql: str = "") -> AbstractAsyncContextManager[Any]:
        if isinstance(sql, Heavy):
            return self._use_heavily(sql)
        if self._connection is not None:
            return _Held(self._connection)
        return _Lent(self._open_pool(), self._account_id)

    @asynccontextmanager
    async def _use_heavily(self, sql: Heavy) -> AsyncIterator[Any]:
        if self._connection is not None:
            yield self._runner(self._connection, sql)
            return
        # PostgreSQL drops a composed one with the end of its transaction; without one, at the next of its kind.
        context = self.transaction() if isinstance(sql, Composed) else nullcontext(self)
        async with self.heavy_turn(), context as tx, tx.connection() as connection:
            yield self._runner(connection, sql)

    def _runner(self, connection: Connection, sql: Heavy) -> "Connection | _Unkept":
        if not isinstance(sql, Composed):
            return connection
        if len(sql) > KEPT_LENGTH:
            # Planning it has taken a hundred megabytes, of which the process gives few back before it ends.
            self._open_pool().retire(connection)
        return _Unkept(connection)

    async def rows(self, sql: str | Sql, *args: object, **named: object) -> list[Record]:
        """Return every row of the answer."""
        sql, args = _compiled(sql, args, named)
        is_long = await self._pass_many(args)
        async with self._use(sql) as connection:
            rows: list[Record] = await connection.fetch(str(sql), *args, timeout=self._seconds)
        if is_long or len(rows) > MANY_ROWS:
            # Whoever asked goes through as many.
            await long_step(self._account_id)
        return rows

    async def row(self, sql: str | Sql, *args: object, **named: object) -> Record | None:
        """Return the first row, or None."""
        sql, args = _compiled(sql, args, named)
        await self._pass_many(args)
        async with self._use(sql) as connection:
            row: Record | None = await connection.fetchrow(str(sql), *args, timeout=self._seconds)
            return row

    async def value(self, sql: str | Sql, *args: object, **named: object) -> Any:  # noqa: ANN401 - the type is the statement's
        """Return the first column of the first row, or None."""
        sql, args = _compiled(sql, args, named)
        await self._pass_many(args)
        async with self._use(sql) as connection:
            return await connection.fetchval(str(sql), *args, timeout=self._seconds)

    async def execute(self, sql: str | Sql, *args: object, **named: object) -> str:
        """Run a statement and return PostgreSQL's word on it, such as `INSERT 0 1`."""
        sql, args = _compiled(sql, args, named)
        await self._pass_many(args)
        async with self._use(sql) as connection:
            word: str = await connection.execute(str(sql), *args, timeout=self._seconds)
            return word

    async def _pass_many(self, args: Sequence[object]) -> bool:
        """Let the driver encode arguments of many rows in the account's turn; say whether there are as many."""
        if not has_many(args):
            return False
        await long_step(self._account_id)
        return True

    async def executemany(self, sql: str, args: Iterable[tuple[object, ...]]) -> None:
        """Run a statement once for each row of arguments, all in one transaction."""
        async with self._use() as connection:
            await connection.executemany(sql, args, timeout=self._seconds)

    @asynccontextmanager
    async def transaction(self, isolation: str | None = None) -> AsyncIterator["Db"]:
        """Give a handle whose statements share one transaction; inside another it is a savepoint."""
        async with self._use() as connection:
            transaction = connection.transaction(isolation=isolation)
            await transaction.start()
            try:
                yield self._copy(connection, self._account_id)
            except BaseException as error:
                if not is_sound(error):
                    # Rolled back by its end: nothing more is asked of a server that may hang.
                    connection.terminate()
                if not connection.is_closed():
                    await transaction.rollback()
                raise
            await transaction.commit()

    async def allow(self, seconds: float) -> None:
        """Let each statement of this transaction take that many seconds from here on."""
        await self.value("select set_config('statement_timeout', $1, true)", str(int(seconds * 1000)))
        self._seconds = seconds + GRACE_SECONDS

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
        message = "too many concurrent writes to the same row"
        raise Unavailable(message)


def _compiled(sql: str | Sql, args: tuple[object, ...], named: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    """Return a statement and its arguments as the driver takes them; the arguments have names or numbers, not both."""
    if isinstance(sql, Sql):
        (account_id,) = args
        return sql.text, sql.arguments(account_id, named)
    if named:
        message = f"the statement has no named arguments: {sorted(named)}"
        raise TypeError(message)
    return sql, args


def is_sound(error: BaseException | None) -> bool:
    """Say whether a connection is as good as before after an error: PostgreSQL said no, or our own code did.

    It is not when the caller was cancelled in the middle of a statement, nor when nothing or nonsense came back.
    """
    if isinstance(error, asyncpg.PostgresError):
        return error.severity not in ("FATAL", "PANIC")
    is_ours = isinstance(error, Exception) and not isinstance(error, OUTAGES)
    return error is None or is_ours or isinstance(error, asyncpg.DataError)


class _Lent:
    """Lends a connection of the pool and gives it back."""

    __slots__ = ("_account_id", "_connection", "_pool")

    def __init__(self, pool: Pool, account_id: int | None) -> None:
        self._pool = pool
        self._account_id = account_id

    async def __aenter__(self) -> Connection:
        self._connection = await self._pool.take(self._account_id)
        return self._connection

    async def __aexit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        self._pool.give(self._connection, self._account_id, is_sound=is_sound(error))


class _Held:
    """Lends a connection that somebody else will give back."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> Connection:
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        return None


class _Unkept:
    """Runs statements as a connection does, and keeps none of them."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *args: object, **limit: float | None) -> list[Record]:
        return await (await self._statement(sql)).fetch(*args, **limit)

    async def fetchrow(self, sql: str, *args: object, **limit: float | None) -> Record | None:
        return await (await self._statement(sql)).fetchrow(*args, **limit)

    async def fetchval(self, sql: str, *args: object, **limit: float | None) -> Any:  # noqa: ANN401 - the statement's
        rows = await self.fetch(sql, *args, **limit)
        return rows[0][0] if rows else None

    async def execute(self, sql: str, *args: object, **limit: float | None) -> str:
        statement = await self._statement(sql)
        await statement.fetch(*args, **limit)
        return statement.get_statusmsg() or ""

    async def _statement(self, sql: str) -> Statement:
        return await self._connection.prepare(sql, name="")
