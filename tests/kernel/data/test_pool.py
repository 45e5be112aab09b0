"""The pool: lends each connection to one caller, waits no longer than it must, drops what may be unsound."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from fanfare.kernel.data import db as db_module
from fanfare.kernel.data import pool
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from tests.running import PATIENCE
from tests.waits import until


async def backends(db: Db) -> int:
    count: int = await db.value(
        "select count(*) from pg_stat_activity where application_name = 'fanfare' and datname = current_database()"
        " and pid <> pg_backend_pid()"
    )
    return count


async def has_none(db: Db) -> bool:
    return await backends(db) == 0


async def test_no_more_connections_than_allowed(database_url: str) -> None:
    db = await Db.connect(database_url, size=3)
    pids = await asyncio.gather(*(db.value("select pg_backend_pid(), pg_sleep(0.02)") for _ in range(40)))
    assert len(set(pids)) == 3
    await db.close()


async def test_who_waits_too_long_is_told(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    db = await Db.connect(database_url, size=1)
    # Connecting has its own time, and is over.
    await db.value("select 0")
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.1)
    async with db.transaction() as tx:
        await tx.value("select 1")
        with pytest.raises(TimeoutError):
            await db.value("select 2")
    assert await db.value("select 3") == 3
    await db.close()


async def test_a_cancelled_caller_takes_its_connection_along(database_url: str) -> None:
    db = await Db.connect(database_url, size=1)
    watcher = await Db.connect(database_url, size=1)
    pid = await db.value("select pg_backend_pid()")
    slow = asyncio.create_task(db.value("select pg_sleep(300)"))
    await until(lambda: watcher.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'"))
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await db.value("select pg_backend_pid()") != pid
    await db.close()
    await watcher.close()


async def test_a_refused_statement_leaves_its_connection_sound(database_url: str) -> None:
    db = await Db.connect(database_url, size=1)
    pid = await db.value("select pg_backend_pid()")
    with pytest.raises(asyncpg.UndefinedTableError):
        await db.value("select * from nothing")
    with pytest.raises(asyncpg.DataError):
        await db.value("select $1::integer", "no number")
    with pytest.raises(Unknown):
        async with db.transaction():
            raise Unknown
    assert await db.value("select pg_backend_pid()") == pid
    await db.close()


async def test_a_killed_connection_is_replaced(database_url: str) -> None:
    db = await Db.connect(database_url, size=2)
    second = await Db.connect(database_url, size=1)
    async with db.connection() as connection:
        pid = connection.get_server_pid()
    await second.value("select pg_terminate_backend($1)", pid)

    async def is_closed() -> bool:
        return connection.is_closed()

    await until(is_closed)
    assert await db.value("select pg_backend_pid()") != pid
    await db.close()
    await second.close()


async def test_closing_waits_for_what_is_lent_and_ends_everything(database_url: str) -> None:
    db = await Db.connect(database_url, size=4)
    watcher = await Db.connect(database_url, size=1)
    slow = asyncio.create_task(db.value("select pg_sleep(0.3)"))
    await asyncio.sleep(0.05)
    await db.close()
    assert slow.done()
    with pytest.raises(asyncpg.InterfaceError):
        await db.value("select 1")
    await until(lambda: has_none(watcher))
    await watcher.close()


async def test_closing_ends_what_stays_lent(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pool, db_module):
        monkeypatch.setattr(module, "CLOSE_SECONDS", 0.1)
    db = await Db.connect(database_url, size=4)
    watcher = await Db.connect(database_url, size=1)
    lent = asyncio.create_task(db.value("select pg_sleep(100)"))
    remaining = db.leave(stay(db))
    while await backends(watcher) < 2:  # noqa: ASYNC110 - it is the database that is watched
        await asyncio.sleep(0.01)
    async with asyncio.timeout(PATIENCE):
        await db.close()
        with pytest.raises(asyncpg.PostgresConnectionError):
            await lent
        while await backends(watcher):  # noqa: ASYNC110 - it is the database that is watched
            await asyncio.sleep(0.01)
    assert remaining.cancelled()
    await watcher.close()


async def stay(db: Db) -> None:
    await db.value("select pg_sleep(100)")


async def test_turns_that_nobody_waits_for_any_more_go_to_the_next(database_url: str) -> None:
    db = await Db.connect(database_url, size=1)
    async with db.transaction() as tx:
        await tx.value("select 1")
        gone = asyncio.create_task(db.value("select 2"))
        waiting = asyncio.create_task(db.value("select 3"))
        await asyncio.sleep(0.05)
        gone.cancel()
    async with asyncio.timeout(PATIENCE):
        assert await waiting == 3
    await db.close()


async def test_who_came_first_is_served_first(database_url: str) -> None:
    db = await Db.connect(database_url, size=1)
    served: list[int] = []

    async def ask(number: int) -> None:
        for _ in range(3):
            await db.value("select pg_sleep(0.005)")
            served.append(number)

    await asyncio.gather(*(ask(number) for number in range(6)))
    assert [sorted(served[place : place + 6]) for place in (0, 6, 12)] == [list(range(6))] * 3
    await db.close()


async def test_a_connection_that_cannot_be_made_leaves_its_place(database_url: str) -> None:
    nowhere = await Db.connect(urlsplit(database_url)._replace(path="/gone").geturl(), size=1)
    for _ in range(3):
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await nowhere.value("select 1")
    await nowhere.close()


async def test_connections_that_nobody_needs_any_more_are_closed_but_one(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SPARE_SECONDS", 0.2)
    db = await Db.connect(database_url, size=6)
    watcher = await Db.connect(database_url, size=1)
    await asyncio.gather(*(db.value("select pg_sleep(0.05)") for _ in range(5)))
    assert await backends(watcher) == 5

    async def is_one() -> bool:
        # Only one of them is needed.
        await db.value("select 1")
        return await backends(watcher) == 1

    await until(is_one)
    # Those that are in use stay, and more are made.
    pids = await asyncio.gather(*(db.value("select pg_backend_pid(), pg_sleep(1)") for _ in range(4)))
    assert len(set(pids)) == 4
    await db.close()
    await watcher.close()
