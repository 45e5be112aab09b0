"""`python -m fanfare.cli.connections up|serve|work|index`: whether the database will do for the processes.

It must have the schema of this version, and give the connections that the processes may take. A process of its own,
before the others start: what it imports is gone with it.
"""

import asyncio
import sys

from fanfare.kernel.data.db import OUTAGES
from fanfare.kernel.data.migrate import check_schema
from fanfare.kernel.running.connections import check, no_answer
from fanfare.kernel.running.exits import in_one_line, tell
from fanfare.kernel.running.settings import Settings, from_environment


async def _check(settings: Settings, command: str) -> str | None:
    try:
        warning = await check(settings, command)
    except OUTAGES as error:
        # The processes wait for a database that is away.
        return f"{no_answer(settings.database_url, error)}; retrying"
    await check_schema(settings.database_url)
    return warning


def main() -> None:
    """Tell in one line what is wrong, with exit status 1 when the processes cannot all work."""
    with in_one_line():
        settings, command = from_environment(), sys.argv[1]
        warning = asyncio.run(_check(settings, command))
        if warning:
            tell(warning)


if __name__ == "__main__":
    main()
