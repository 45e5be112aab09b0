"""The condition that criteria put on a fan now, and how many fans meet it."""

from datetime import datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import conditions
from fanfare.search.criteria.where import Where, where
from fanfare.search.queries.faults import setting

COUNT = "select count(*) from fans f where f.account_id = $1 and {condition}"


async def condition(db: Db, account: Account, wanted: Criteria, now: datetime, newest: int | None = None) -> Where:
    """Return the condition that criteria put on a fan now, and that no fan is newer than the one named."""
    return where(account.id, conditions(wanted, await setting(db, account, wanted, now), newest))


async def fan_count(db: Db, account: Account, wanted: Criteria, now: datetime) -> int:
    """Return the number of fans that criteria match now."""
    found = await condition(db, account, wanted, now)
    counted: int = await db.value(found.statement(COUNT), *found.args)
    return counted
