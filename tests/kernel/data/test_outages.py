"""PostgreSQL hangs or dies under a call: the call ends in time with 503, and the next ones are served."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg
import pytest

from fanfare.kernel.data import db as handles
from fanfare.kernel.data import pool
from fanfare.kernel.data.db import OUTAGES, Composed, Db
from fanfare.kernel.web.answers import refusal_of
from tests.api import Api
from tests.running import PATIENCE

# A busy machine may need long for a little; what hangs would need forever.
FOR_LONG = PATIENCE


class Wire:
    """The way to the database, which can be cut so that neither side notices."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.near = ""
        self.way = asyncio.Event()
        self.way.set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.url)
        place = {name: values[0] for name, values in parse_qs(parts.query).items()}
        host, port = place.get("host", parts.hostname or "127.0.0.1"), place.get("port", parts.port or 5432)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            far_reader, far_writer = await self._open()
            for task in (self._pass(reader, far_writer), self._pass(far_reader, writer)):
                running = asyncio.create_task(task)
                self.tasks.add(running)
                running.add_done_callback(self.tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self.way.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    created = Wire(database_url)
    server = await asyncio.start_server(created.serve, "127.0.0.1", 0)
    parts = urlsplit(database_url)
    host, port = server.sockets[0].getsockname()[:2]
    user = parts.netloc.rpartition("@")[0]
    created.near = urlunsplit(parts._replace(netloc=f"{user}@{host}:{port}", query=""))
    yield created
    created.way.set()
    server.close()
    for task in list(created.tasks):
        task.cancel()


@asynccontextmanager
async def short(wire: Wire, monkeypatch: pytest.MonkeyPatch, grace_seconds: float = 0.5) -> AsyncIterator[Db]:
    """A pool whose statements may take half a second, on a wire that can be cut."""
    for module in (pool, handles):
        monkeypatch.setattr(module, "GRACE_SECONDS", grace_seconds)
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.5)
    db = await Db.connect(wire.near, size=2, statement_seconds=0.5)
    yield db
    wire.way.set()
    await db.close()


async def one(db: Db) -> object:
    return await db.value("select 1")


async def composed(db: Db) -> object:
    return await db.value(Composed("select 1"))


async def in_transaction(db: Db) -> object:
    async with db.transaction() as tx:
        await tx.value("select 1")
        return await tx.value("select 2")


async def served(db: Db, work: Callable[[Db], Awaitable[object]]) -> object:
    """Try until it is served: on a busy machine half a second may be too little."""
    while True:
        with suppress(*OUTAGES):
            return await work(db)


async def in_savepoint(db: Db) -> object:
    async with db.transaction() as outer, outer.transaction() as tx:
        return await tx.value("select 1")


async def in_longer_transaction(db: Db) -> object:
    async with db.transaction() as tx:
        await tx.allow(1)
        return await tx.value("select 1")


@pytest.mark.parametrize("work", [one, composed, in_transaction, in_savepoint, in_longer_transaction])
async def test_a_database_that_hangs_holds_no_call(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, work: Callable[[Db], Awaitable[object]]
) -> None:
    async with short(wire, monkeypatch) as db, asyncio.timeout(FOR_LONG):
        await served(db, in_transaction)
        wire.way.clear()
        # Those with a connection, those that wait for one and those that try to make one.
        ends = await asyncio.gather(*(work(db) for _ in range(8)), return_exceptions=True)
        assert all(isinstance(each, OUTAGES) for each in ends), ends
        wire.way.set()
        await served(db, work)


async def test_a_database_that_hangs_in_the_middle_of_a_transaction_holds_no_call(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def split(db: Db) -> None:
        async with db.transaction() as tx:
            await tx.value("select 1")
            wire.way.clear()
            await tx.value("select 2")

    async with short(wire, monkeypatch) as db, asyncio.timeout(FOR_LONG):
        await served(db, in_transaction)
        with pytest.raises(OUTAGES):
            await split(db)
        wire.way.set()
        assert await served(db, one) == 1


async def test_more_time_is_more_time_in_its_transaction_alone(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    async def long(db: Db) -> object:
        async with db.transaction() as tx:
            await tx.allow(FOR_LONG)
            return await tx.value("select 1 from pg_sleep(1.5)")

    async with short(wire, monkeypatch, grace_seconds=FOR_LONG) as db, asyncio.timeout(FOR_LONG):
        assert await served(db, long) == 1
        with pytest.raises(asyncpg.QueryCanceledError):
            await db.value("select pg_sleep(600)")


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
        asyncpg.ProtocolError("unexpected message"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CrashShutdownError("terminating connection because of crash of another server process"),
        asyncpg.CannotConnectNowError("the database system is in recovery mode"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_what_the_driver_says_of_a_dying_server_is_an_outage(error: Exception) -> None:
    assert "went wrong" not in refusal_of(error).detail
    assert refusal_of(error).status == 503


async def test_killed_connections_are_told_as_outages(api: Api, db: Db) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="killed@example.com")))["fan_id"]
    is_over = False
    result: dict[int, set[str]] = {}

    async def ask() -> None:
        while not is_over:
            for answer in (
                await api.get(f"/api/v1/crm/fans/{fan_id}"),
                await api.get("/api/v1/crm/fans", fan_gender="female"),
                await api.post(f"/api/v1/crm/fans/{fan_id}", {"Idempotency-Key": "a"}, first_name="Ada"),
                await api.get("/api/v1/manage/filters/stats", fan_gender="female"),
            ):
                detail = "" if answer.status_code == 200 else answer.json()["detail"]
                result.setdefault(answer.status_code, set()).add(detail)

    asking = [asyncio.create_task(ask()) for _ in range(8)]
    for _ in range(60):
        await db.execute(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() and application_name = 'fanfare'
            """
        )
        await asyncio.sleep(0.02)
    is_over = True
    await asyncio.gather(*asking)
    # A repeat while the first is under way is told so.
    assert set(result) <= {200, 409, 503}
    assert 200 in result
    assert not [detail for detail in result.get(503, ()) if "went wrong" in detail]
