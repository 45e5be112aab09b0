"""States of imports: each end of work is one statement that announces it."""

from datetime import datetime

from fanfare.imports.schemas.imports import CurrentImport
from fanfare.imports.topics import IMPORT_CHECKED, IMPORT_COMPLETED, IMPORT_FAILED, IMPORT_UNDONE
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict


class WrongState(Conflict):
    """The import is in a state in which this is not possible"""

    def __init__(self, state: str) -> None:
        """`state` is the state of the import."""
        super().__init__(f"The import is {state}")


def check_state(current: CurrentImport, *states: str) -> None:
    """Raise WrongState (409) unless an import is in one of these states."""
    if current.import_state not in states:
        raise WrongState(current.import_state)


END = f"""
    with {HOLD},
    ended as (
        update imports
        set import_state = $4, failure = $5, finished_at = $3, updated_at = $3, failure_count = 0
        where account_id = $1 and import_id = $2
        returning import_uid, row_count, created_count, matched_count, error_count
    )
"""  # noqa: S608 - fixed parts
# A dry run leaves the import ready.
STATEMENTS = {
    "ready": END + announce(IMPORT_CHECKED, "ended", at="$3"),
    "completed": END + announce(IMPORT_COMPLETED, "ended", at="$3"),
    "failed": END + announce(IMPORT_FAILED, "ended", at="$3"),
    "undone": END + announce(IMPORT_UNDONE, "ended", at="$3"),
}


async def end_work(
    db: Db, account_id: int, import_id: int, state: str, now: datetime, failure: str | None = None
) -> None:
    """Change the state of an import to one in which no worker works on it, and announce it."""
    await db.execute(STATEMENTS[state], account_id, import_id, now, state, failure)


async def start_work(db: Db, account_id: int, import_id: int, state: str, now: datetime) -> None:
    """Change the state of an import to one in which a worker works on it, from the begin of its file."""
    await db.execute(
        """
        update imports
        set import_state = $3, last_work = $3, updated_at = $4, run_offset = 0, run_row = 0, row_count = 0,
            created_count = 0, matched_count = 0, error_count = 0, refused_count = 0, failure = null, failure_count = 0
        where account_id = $1 and import_id = $2
        """,
        account_id,
        import_id,
        state,
        now,
    )


async def continue_work(db: Db, account_id: int, import_id: int, state: str, now: datetime) -> None:
    """Change the state of an import to one in which a worker works on it, from where it ended."""
    await db.execute(
        "update imports set import_state = $3, last_work = $3, updated_at = $4, failure = null, failure_count = 0"
        " where account_id = $1 and import_id = $2",
        account_id,
        import_id,
        state,
        now,
    )
