"""Whether an index process pays: `fanfare up` starts one once a worker says that an account has so many fans.

Each worker that `fanfare up` starts looks again each minute, from its own start on. What it says is not stored: after
a restart the first look tells the same.
"""

import os
import time

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import Job
from fanfare.kernel.running.handovers import INDEX_PIPE

# The index process takes some 70 MB, and then 220 bytes a fan. From here on a first page of a search costs PostgreSQL
# twice as much without it.
ENOUGH_FANS = 50_000
PAUSE_SECONDS = 60.0


async def is_index_needed(db: Db, enough: int) -> bool:
    """Return whether an account has `enough` fans."""
    # What PostgreSQL keeps of the table: a small installation is not counted at all.
    total: float = await db.value(
        """
        select greatest(c.reltuples, pg_stat_get_live_tuples(c.oid))::float8 from pg_class c
        where c.oid = 'fans'::regclass
        """
    )
    if total < enough:
        return False
    for row in await db.rows("select account_id from accounts order by account_id"):
        sql = "select exists (select from fans f where f.account_id = $1 limit 1 offset $2)"
        if await db.value(sql, row["account_id"], enough - 1):
            return True
    return False


class IndexCall:
    """Tells the supervisor once, by a pipe, that an index process is needed."""

    def __init__(self, pipe: int, enough: int = ENOUGH_FANS) -> None:
        self.pipe, self.enough = pipe, enough
        self.is_over = False
        self._due = 0.0

    async def look(self, db: Db) -> bool:
        """Look whether it is time; return False, so that the worker pauses."""
        if self.is_over or time.monotonic() < self._due:
            return False
        if await is_index_needed(db, self.enough):
            self._tell()
        self._due = time.monotonic() + PAUSE_SECONDS
        return False

    def _tell(self) -> None:
        self.is_over = True
        try:
            os.write(self.pipe, b"1")
        except OSError:
            # The worker before this one was told the same, and the pipe is closed.
            return


def index_calls() -> list[Job]:
    """Return the work of a worker that `fanfare up` started without a number of index processes."""
    pipe = os.environ.get(INDEX_PIPE)
    return [Job("audience.need", IndexCall(int(pipe)).look, is_endless=True)] if pipe else []
