"""`python -m fanfare.cli.connections up|serve|work|index`: checks the database before processes start.

It must have the schema of this version and allow enough connections. This is a separate process so that the memory of
its imports is freed.
"""

import asyncio
import sys

from fanfare.kernel.data.db import OUTAGES
from fanfare.kernel.data.migrate import check_schema
from fanfare.kernel.running.connections import check, no_answer
from fanfare.kernel.running.exits import in_one_line, print_line
from fanfare.kernel.running.settings import Settings, from_environment


async def _check(settings: Settings, command: str) -> str | None:
    try:
        warning = await check(settings, command)
    except OUTAGES as error:
        # The processes wait for a database that does not respond.
        return f"{no_answer(settings.database_url, error)}; retrying"
    await check_schema(settings.database_url)
    return warning


def main() -> None:
    """Report in one line what is wrong; exit with status 1 if the processes cannot work."""
    with in_one_line():
        settings, command = from_environment(), sys.argv[1]
        warning = asyncio.run(_check(settings, command))
        if warning:
            print_line(warning)


if __name__ == "__main__":
    main()
