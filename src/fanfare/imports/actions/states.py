"""States of imports: each change of state is one statement that announces it."""

import uuid
from datetime import datetime

from fanfare.imports.schemas.imports import StoredImport
from fanfare.imports.topics import (
    IMPORT_CHECKED,
    IMPORT_COMPLETED,
    IMPORT_FAILED,
    IMPORT_INSPECTED,
    IMPORT_UNDONE,
)
from fanfare.kernel.data.announcements import HOLD, Topic, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict


class WrongState(Conflict):
    """The import is in a state in which this is not possible"""

    def __init__(self, state: str) -> None:
        """`state` is the state of the import."""
        super().__init__(f"The import is {state}")


def check_state(stored: StoredImport, *states: str) -> None:
    """Raise WrongState (409) unless an import is in one of these states."""
    if stored.import_state not in states:
        raise WrongState(stored.import_state)


def _enter(state: str, topic: Topic) -> str:
    return f"""
        with {HOLD},
        entered as (
            update imports
            set import_state = '{state}', failure = $4, finished_at = $3, updated_at = $3, failure_count = 0
            where account_id = $1 and import_id = $2
            returning import_uid, kind, row_count, created_count, matched_count, error_count
        )
        {announce(topic, "entered", at="$3")}
    """  # noqa: S608 - fixed parts


ENTER = {
    "ready": _enter("ready", IMPORT_INSPECTED),
    "checked": _enter("ready", IMPORT_CHECKED),
    "completed": _enter("completed", IMPORT_COMPLETED),
    "failed": _enter("failed", IMPORT_FAILED),
    "undone": _enter("undone", IMPORT_UNDONE),
}


async def enter(db: Db, account_id: int, import_id: int, state: str, now: datetime, failure: str | None = None) -> None:
    """Change the state of an import and announce it; `checked` is ready again, after a dry run."""
    await db.execute(ENTER[state], account_id, import_id, now, failure)


async def set_state(db: Db, account_id: int, import_uid: uuid.UUID, state: str, now: datetime) -> None:
    """Change the state of an import to one in which a worker works on it, from the begin."""
    await db.execute(
        """
        update imports
        set import_state = $3, updated_at = $4, run_offset = 0, run_row = 0, row_count = 0, created_count = 0,
            matched_count = 0, error_count = 0, refused_count = 0, failure = null, failure_count = 0
        where account_id = $1 and import_uid = $2
        """,
        account_id,
        import_uid,
        state,
        now,
    )
