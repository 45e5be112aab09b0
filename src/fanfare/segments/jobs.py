"""Keeps the members of filters up to date."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import always
from fanfare.segments.actions import members
from fanfare.segments.queries import live


@always(each=live.accounts_due)
async def keep_members(db: Db, account_id: int, now: datetime) -> bool:
    """Do the next part of the work on the members of an account's active filters; return whether there was any."""
    return await members.keep_members(db, await accounts.account_by_id(db, account_id), now)
