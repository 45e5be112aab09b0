"""`python -m fanfare.cli.connections up|serve|work|index`: checks the database before processes start.

It must have the schema of this version and allow enough connections; rules of time zones that
differ from PostgreSQL's are a warning. This is a separate process so that the memory of its imports is freed.
"""

import asyncio
import sys
from datetime import UTC, datetime

import asyncpg

from fanfare.kernel.data.db import OUTAGES
from fanfare.kernel.data.migrate import check_schema
from fanfare.kernel.running.clocks import check_zones
from fanfare.kernel.running.connections import SECONDS, check, no_answer
from fanfare.kernel.running.exits import in_one_line, print_line
from fanfare.kernel.running.settings import Settings, from_environment


async def _check(settings: Settings, command: str) -> list[str | None]:
    try:
        warning = await check(settings, command)
    except OUTAGES as error:
        # The processes wait for a database that does not respond.
        return [f"{no_answer(settings.database_url, error)}; retrying"]
    await check_schema(settings.database_url)
    connection = await asyncpg.connect(settings.database_url, timeout=SECONDS, command_timeout=SECONDS)
    try:
        return [warning, await check_zones(connection, datetime.now(UTC))]
    finally:
        connection.terminate()


def main() -> None:
    """Report in one line what is wrong; exit with status 1 if the processes cannot work."""
    with in_one_line():
        settings, command = from_environment(), sys.argv[1]
        for warning in asyncio.run(_check(settings, command)):
            if warning:
                print_line(warning)


if __name__ == "__main__":
    main()
