"""Reads how an account attributes sales."""

from fanfare.kernel.data.db import Db
from fanfare.trackers.schemas.sales import ATTRIBUTIONS, Attribution


async def attribution(db: Db, account_id: int) -> Attribution:
    """Return the rule of an account."""
    rule: str | None = await db.value("select attribution from tracker_settings where account_id = $1", account_id)
    return Attribution(rule or ATTRIBUTIONS[0])
