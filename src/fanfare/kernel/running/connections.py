"""Checks of the database before processes start: whether it responds, and allows enough connections."""

import asyncio
import os
import time
from urllib.parse import parse_qs, urlsplit

import asyncpg

from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.exits import print_line
from fanfare.kernel.running.settings import Settings

SECONDS = 10.0
PAUSE = 0.1
# After this time the operator is told what the command waits for.
QUIET_SECONDS = 2.0
# Raised if the database, or the network to it, is not available yet.
UNREACHABLE = (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError)
# The connections that this user may have in this database, without reserved ones; and those in use.
CONNECTION_LIMITS = """
    select least(
               current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
                   - coalesce(current_setting('reserved_connections', true), '0')::integer,
               nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) as given,
           (select count(*) from pg_stat_activity
            where backend_type = 'client backend' and pid <> pg_backend_pid())::integer as taken
    from pg_roles r, pg_database d
    where r.rolname = current_user and d.datname = current_database()
"""


async def wait_for(database_url: str, seconds: float) -> None:
    """Wait until the database responds (it may just be starting); report progress if that takes long.

    Raises `CannotRun` with the database's host after `seconds`.
    """
    end = time.monotonic() + seconds
    reason = "no answer"

    def print_progress() -> None:
        print_line(f"waiting up to {seconds:g} s for the database at {host_of(database_url)}: {reason}")

    progress = asyncio.get_running_loop().call_later(QUIET_SECONDS, print_progress)
    try:
        while True:
            try:
                connection = await asyncpg.connect(database_url, timeout=max(end - time.monotonic(), PAUSE))
            except UNREACHABLE as error:
                reason = _reason_of(error)
                if time.monotonic() + PAUSE > end:
                    raise CannotRun(no_answer(database_url, error)) from None
                await asyncio.sleep(PAUSE)
            else:
                connection.terminate()
                return
    finally:
        progress.cancel()


def no_answer(database_url: str, error: BaseException) -> str:
    """Return a message with the host of the database that does not respond, but not its URL, which has a password."""
    return f"the database at {host_of(database_url)} does not respond: {_reason_of(error)}"


def _reason_of(error: BaseException) -> str:
    """Return the reason without the address, which some errors repeat."""
    number = getattr(error, "errno", None)
    if isinstance(error, ConnectionError) and number:
        return os.strerror(number)
    return getattr(error, "strerror", None) or str(error).partition("\n")[0] or "no response in time"


def host_of(database_url: str) -> str:
    """Return the host and port of a database URL, or the directory of its socket."""
    parts = urlsplit(database_url)
    if parts.hostname:
        return f"{parts.hostname}:{parts.port or 5432}"
    return parse_qs(parts.query).get("host", [os.environ.get("PGHOST") or "the local socket"])[0]


async def check(settings: Settings, command: str) -> str | None:
    """Raise `CannotRun` if the database allows too few connections; return a warning if others use too many of them."""
    connection = await asyncpg.connect(settings.database_url, timeout=SECONDS, command_timeout=SECONDS)
    try:
        limit, used = await connection.fetchrow(CONNECTION_LIMITS) or (0, 0)
    finally:
        connection.terminate()
    needed = settings.connections(command)
    message = (
        f"`fanfare {command}` needs up to {needed} connections, but the database allows {limit}: raise max_connections,"
        " or lower FANFARE_WORKERS, FANFARE_POOL_SIZE or FANFARE_WORKER_POOL_SIZE"
    )
    if needed > limit:
        raise CannotRun(message)
    return f"{message}; other clients use {used} of them" if needed + used > limit else None
