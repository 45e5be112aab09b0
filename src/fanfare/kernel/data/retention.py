"""How long an account keeps what: as long as the operator says, or for fewer days that the account chose."""

from datetime import datetime, timedelta

from fanfare.kernel.data.db import Db

# What an account can keep for a shorter time than the operator.
CHANGES, DELIVERIES, MESSAGES, CLICKS = "changes", "deliveries", "messages", "clicks"
# A session of staff ends after so long without use, and in any case.
STAFF_IDLE, STAFF_LIFETIME = timedelta(days=1), timedelta(days=14)
DAYS = """
    select least($3::double precision, (
        select retention_days from retention_periods where account_id = $1 and retention_kind = $2))
"""


async def oldest(db: Db, account_id: int, kind: str, longest: timedelta, now: datetime) -> datetime:
    """Return the time before which an account keeps nothing of a kind; `longest` is what the operator allows."""
    days: float = await db.value(DAYS, account_id, kind, longest / timedelta(days=1))
    return now - timedelta(days=days)
