"""What every test stands on: one PostgreSQL for the run, and a fresh migrated database for each module.

It is the embedded one, or any other named by FANFARE_TEST_DATABASE_URL, whose user may create databases.
"""

import gc
import logging
import os
import secrets
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import uvicorn
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from fanfare.cli.server import uvicorn_config
from fanfare.kernel.clock import Clock, system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.kernel.running.http_client import http_client
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from tests import announcements, folders, holds, totals
from tests.api import Api, new_api
from tests.running import PATIENCE
from tests.storages.stores import Service, service

if TYPE_CHECKING:
    from playwright.async_api import Browser

OUTSIDE = os.environ.get("FANFARE_TEST_DATABASE_URL")
NewDatabase = Callable[[], Awaitable[str]]
# Ids of each table have numbers of their own: a statement that takes one for another finds nothing.
NUMBERS = """
    do $$
    declare
        each record;
    begin
        for each in
            select format('%I.%I', schemaname, sequencename) as name, row_number() over (order by sequencename) as place
            from pg_sequences
            where schemaname = 'public' and data_type = 'bigint'::regtype and sequencename <> 'positions'
        loop
            perform setval(each.name, each.place * 1000000);
        end loop;
    end
    $$
"""
folders.choose()
# What tests seal and sign with.
SECRET_KEY = "made-up-secret-key-of-the-tests-0123456789"
secret_keys.use(Settings(secret_key=(SECRET_KEY,)))
# The gateways and identity providers of tests are on this machine.
LOOPBACK = ("127.0.0.0/8",)
http_client.use(Settings(outgoing_allowed=LOOPBACK))

# A change is held by the same inputs each time; `make fuzz` draws new ones.
# No claim is made on time: on a busy machine both drawing and trying take long.
UNTIMED = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.register_profile("same", UNTIMED, derandomize=True)
hypothesis_settings.register_profile("drawn", UNTIMED)
hypothesis_settings.load_profile(os.environ.get("FANFARE_INPUTS", "same"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a PostgreSQL as `database`: `make check` runs the rules without them."""
    for item in items:
        if "server_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.database)


def pytest_collection_finish() -> None:
    """Keep the garbage collector off the modules and the tests: each of its looks took half a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def written_log() -> Iterator[None]:
    """Leave nothing in the log of this process to another file's tests; it counts repeated lines for ten seconds."""
    yield
    for handler in logging.getLogger().handlers:
        handler.flush()


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL whose databases may be made and dropped."""
    if OUTSIDE:
        yield OUTSIDE
        return
    data_dir = tmp_path_factory.mktemp("postgres")
    with DirectoryLock(data_dir, "tests"), Embedded(data_dir, durable=False) as postgres:
        yield postgres.database_url
    shutil.rmtree(data_dir)


def named(url: str, database: str) -> str:
    """Return the address of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def databases(url: str, source: str = "") -> AsyncIterator[NewDatabase]:
    """Give what makes databases, as `source` says; they are dropped in the end, most before a disk has seen them."""
    rows: list[str] = []

    async def make() -> str:
        rows.append(f"test_{secrets.token_hex(6)}")
        await _run(url, f"create database {rows[-1]} {source}")
        return named(url, rows[-1])

    yield make
    await _run(url, *(f"drop database if exists {each} with (force)" for each in rows))


def copy_of(url: str) -> str:
    """Return how a database is made as a copy of another to which nobody is connected.

    Files are copied, which is half the work; a server that syncs its files to a disk is spared that.
    """
    return f"template {urlsplit(url).path.removeprefix('/')} {'' if OUTSIDE else 'strategy file_copy'}"


@pytest.fixture(scope="module")
async def empty_database(server_url: str) -> AsyncIterator[NewDatabase]:
    """Makes databases without tables."""
    async with databases(server_url) as make:
        yield make


@pytest.fixture(scope="session")
async def template(server_url: str) -> AsyncIterator[str]:
    """The address of a migrated database that nobody connects to, so that it can be copied."""
    async with databases(server_url) as make:
        url = await make()
        await migrate(url)
        await _run(url, holds.WATCH, NUMBERS)
        yield url


@pytest.fixture(scope="module")
async def new_database(server_url: str, template: str) -> AsyncIterator[NewDatabase]:
    """Makes migrated databases without rows, each a copy of the template."""
    async with databases(server_url, copy_of(template)) as make:
        yield make


@pytest.fixture(scope="module")
async def database_url(new_database: NewDatabase) -> str:
    """The address of the module's own migrated database."""
    return await new_database()


@pytest.fixture(scope="module")
async def db(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Db]:
    """A handle on the module's own database. Where a module sets FILLS_TABLES, its SQL leaves totals out."""
    handle = await Db.connect(database_url, size=10)
    yield handle
    try:
        await announcements.check(handle)
        if not getattr(request.module, "FILLS_TABLES", False):
            await totals.check(handle)
    finally:
        await handle.close()


@pytest.fixture(scope="module")
def settings(database_url: str) -> Settings:
    """The settings of a server on the module's own database."""
    return Settings(database_url=database_url, secret_key=(SECRET_KEY,), outgoing_allowed=LOOPBACK)


@contextmanager
def serving(settings: Settings, clock: Clock = system_clock, host: str = "") -> Iterator[str]:
    """Run a server in a thread of its own and give its address; with a host, that is its public address too."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    url = f"http://{host or '127.0.0.1'}:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn_config(settings.replace(public_url=url if host else None), clock))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield url
    server.should_exit = True
    thread.join(PATIENCE)


@pytest.fixture(scope="module")
def clock() -> Clock:
    """The clock of the module's server; one that stands still where a test counts days and midnight may come."""
    return system_clock


@pytest.fixture(scope="module")
def base_url(settings: Settings, clock: Clock) -> Iterator[str]:
    """The address of a server in a thread of its own, on the module's database."""
    with serving(settings, clock) as url:
        yield url


@pytest.fixture(scope="module")
async def api(base_url: str, db: Db) -> AsyncIterator[Api]:
    """A client for an account of the module's own."""
    async with new_api(base_url, db) as client:
        yield client


@pytest.fixture(scope="module")
async def other_api(base_url: str, db: Db) -> AsyncIterator[Api]:
    """A client for a second account, which must never see the first."""
    async with new_api(base_url, db, "Southside") as client:
        yield client


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator["Browser"]:
    """Debian's Chromium, without a window."""
    # Loaded by those who look at pages.
    from playwright.async_api import async_playwright  # noqa: PLC0415 - see above

    async with async_playwright() as playwright:
        # What draws is a thread of it, and no process that it would start for each run.
        options = ["--no-sandbox", "--disable-gpu", "--in-process-gpu"]
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def store() -> Iterator[Service]:
    """An S3-compatible service that checks signatures."""
    with service() as running:
        yield running
