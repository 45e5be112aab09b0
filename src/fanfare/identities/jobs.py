"""Deletes what is known of expired tokens, and seals client secrets with the present secret key."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.identities.actions.links import forget_tokens
from fanfare.identities.actions.providers import seal_again
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule


@schedule("50 3 * * *", each=accounts.account_ids)
async def keep_identities(db: Db, account_id: int, now: datetime) -> None:
    """Delete hashes of expired tokens, and seal client secrets again."""
    await forget_tokens(db, account_id, now)
    await seal_again(db, account_id)
