"""`python -m fanfare.cli.connections up|serve|work|index`: whether the database gives the connections that it needs.

A process of its own, before the others start: what it imports is gone with it.
"""

import asyncio
import sys

from fanfare.kernel.connections import check
from fanfare.kernel.db import OUTAGES
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.settings import from_environment


def main() -> None:
    """Tell in one line what is wrong, with exit status 1 when the processes cannot all work."""
    try:
        warning = asyncio.run(check(from_environment(), sys.argv[1]))
    except CannotRun as error:
        sys.stderr.write(f"fanfare: {error}\n")
        sys.exit(1)
    except OUTAGES:
        # The processes wait for a database that is away.
        return
    if warning:
        sys.stderr.write(f"fanfare: {warning}\n")


if __name__ == "__main__":
    main()
