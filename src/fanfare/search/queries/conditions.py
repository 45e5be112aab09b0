"""The condition that criteria put on a fan now, and how many fans meet it."""

from datetime import datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import conditions
from fanfare.search.criteria.where import Where, where
from fanfare.search.queries.faults import setting

COUNT = "select count(*) from fans f where f.account_id = $1 and {condition}"


async def condition(db: Db, account: Account, criteria: Criteria, now: datetime, newest: int | None = None) -> Where:
    """Return the condition that criteria put on a fan now, and that no fan is newer than the one named."""
    return where(account.id, conditions(criteria, await setting(db, account, criteria, now), newest))


async def fan_count(db: Db, account: Account, criteria: Criteria, now: datetime) -> int:
    """Return the number of fans that criteria match now."""
    query = await condition(db, account, criteria, now)
    count: int = await db.value(query.statement(COUNT), *query.args)
    return count
