"""Every kept total agrees with its rows when a module's tests are over."""

from fanfare import app
from fanfare.accounts import queries
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.totals import differences

TOTALS = app.totals()


async def check(db: Db) -> None:
    """Compare the totals of all accounts of a database with their rows."""
    ids = [account.account_id for account in await queries.accounts(db)]
    result = [row for each in ids async for row in differences(db, each, TOTALS)]
    assert not result, result
