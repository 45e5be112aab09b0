"""Seals the secrets of storages with the present secret key."""

from datetime import datetime

from fanfare.accounts.queries import account_ids
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import schedule
from fanfare.storages.actions.storages import seal_again


@schedule("47 3 * * *", each=account_ids)
async def seal_secrets(db: Db, account_id: int, now: datetime) -> None:  # noqa: ARG001 - the shape of jobs
    """Seal the secrets of an account's storages with the newest key."""
    await seal_again(db, account_id)
