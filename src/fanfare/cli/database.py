"""How a command reaches the database: DATABASE_URL, the running embedded one, or one started for the command."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running import log
from fanfare.kernel.running.connections import wait_for
from fanfare.kernel.running.embedded import DirectoryInUse, DirectoryLock, Embedded, has_cluster, running
from fanfare.kernel.running.settings import Settings

T = TypeVar("T")

# Another command may be using it, or `fanfare up` may just be starting.
PATIENCE = 60.0
PAUSE = 0.1


@contextmanager
def open_database(settings: Settings, purpose: str, *, create: Callable[[], object] | None = None) -> Iterator[str]:
    """Yield the URL of the database; the embedded one is started if it is not running.

    With `create`, a missing database is created; `create` is called before and raises errors that need no database, so
    that a failing command leaves none behind. Without it a missing database raises CannotRun.
    """
    if settings.database_url:
        asyncio.run(wait_for(settings.database_url, settings.connect_seconds))
        yield settings.database_url
        return
    lock = DirectoryLock(settings.data_dir, purpose)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            lock.acquire()
            break
        except DirectoryInUse:
            server = running(settings.data_dir)
            if server is not None and server.database_url is not None:
                yield server.database_url
                return
            if time.monotonic() > end:
                raise
            time.sleep(PAUSE)
    try:
        # Checked only under the lock, since another command may be creating it.
        if not has_cluster(settings.data_dir):
            (create or partial(_refuse, settings))()
        with Embedded(settings.data_dir, user=settings.postgres_user or None) as embedded:
            yield embedded.database_url
    finally:
        lock.release()


def _refuse(settings: Settings) -> None:
    message = (
        f"no database in {settings.data_dir}: set FANFARE_DATA_DIR or --data-dir to its data directory, or set"
        " DATABASE_URL"
    )
    raise CannotRun(message)


def no_check() -> None:
    """Allow a database to be created in any case."""


def in_database(
    settings: Settings,
    purpose: str,
    act: Callable[[Db], Awaitable[T]],
    *,
    create: Callable[[], object] | None = None,
    prepare: Callable[[str], Awaitable[object]] = migrate,
) -> T:
    """Call `act` with the database, after `prepare`, and return its result; `create` is that of `open_database`."""
    log.configure(settings.log_level)
    with open_database(settings, purpose, create=create) as url:
        return asyncio.run(_act(url, act, prepare))


async def _act(url: str, act: Callable[[Db], Awaitable[T]], prepare: Callable[[str], Awaitable[object]]) -> T:
    await prepare(url)
    db = await Db.connect(url, size=4, statement_seconds=600)
    try:
        return await act(db)
    finally:
        await db.close()
