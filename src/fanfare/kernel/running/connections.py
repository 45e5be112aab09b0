"""Holds the connections that the processes of a command may take against those that the database gives."""

import asyncpg

from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.settings import Settings

SECONDS = 10.0
# What is given to this user in this database, without what is kept for others; and what is taken already.
GIVEN = """
    select least(
               current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
                   - coalesce(current_setting('reserved_connections', true), '0')::integer,
               nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) as given,
           (select count(*) from pg_stat_activity
            where backend_type = 'client backend' and pid <> pg_backend_pid())::integer as taken
    from pg_roles r, pg_database d
    where r.rolname = current_user and d.datname = current_database()
"""


async def check(settings: Settings, command: str) -> str | None:
    """Refuse when the database gives fewer connections than are needed; return a warning when others have too many."""
    connection = await asyncpg.connect(settings.database_url, timeout=SECONDS, command_timeout=SECONDS)
    try:
        given, taken = await connection.fetchrow(GIVEN) or (0, 0)
    finally:
        connection.terminate()
    needed = settings.connections(command)
    told = (
        f"`fanfare {command}` may take {needed} connections and the database gives {given}: raise its max_connections,"
        " or lower FANFARE_WORKERS, FANFARE_POOL_SIZE or FANFARE_WORKER_POOL_SIZE"
    )
    if needed > given:
        raise CannotRun(told)
    return f"{told}; others have taken {taken} of them" if needed + taken > given else None
