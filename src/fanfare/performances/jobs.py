"""Settles quests that the process which stored the progress could not settle."""

from datetime import datetime

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule
from fanfare.performances.actions.settling import settle_due
from fanfare.performances.queries.quests import accounts_with_due_quests

AT_ONCE = 500


@schedule("* * * * *", each=accounts_with_due_quests)
async def settle_quests(db: Db, account_id: int, now: datetime) -> None:
    """Complete what fans of an account have fulfilled before a crash, or by a merge."""
    while await settle_due(db, account_id, now, AT_ONCE):
        pass
