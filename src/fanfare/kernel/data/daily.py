"""Counts by day: statements that return `day`, `name` and `amount` for what is in a window."""

from datetime import date, timedelta
from decimal import Decimal

from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.wire import day_bounds

Series = dict[date, Decimal | int]


async def daily(db: Db, statement: Heavy, account_id: int, zone: str, days: tuple[date, date]) -> dict[str, Series]:
    """Return the amounts of each name for every day from the first to the last, 0 where there is none.

    The statement gets the account, the start and the end of the window, and the time zone of the days.
    """
    first, last = days
    start, end = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
    rows = await db.rows(statement, account_id, start, end, zone)
    length = (last - first).days + 1
    result: dict[str, Series] = {}
    for row in rows:
        if row["name"] not in result:
            result[row["name"]] = {first + timedelta(days=number): 0 for number in range(length)}
        result[row["name"]][row["day"]] = row["amount"]
    return result
