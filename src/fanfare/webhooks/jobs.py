"""Follows the change logs for endpoints, sends to them, and deletes old deliveries."""

from datetime import datetime

from fanfare.accounts.queries import account_ids
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import always, schedule
from fanfare.kernel.data.retention import DELIVERIES, oldest
from fanfare.webhooks.actions import following, upkeep
from fanfare.webhooks.actions.sending import sender
from fanfare.webhooks.actions.webhooks import seal_again
from fanfare.webhooks.queries import queues


@always(each=following.accounts_due)
async def follow_changes(db: Db, account_id: int, now: datetime) -> bool:
    """Write the deliveries of an account's next changes; return whether there were any."""
    return await following.follow(db, account_id, now)


@always(each=queues.accounts_due)
async def send_deliveries(db: Db, account_id: int, now: datetime) -> bool:
    """Begin to send to the endpoints of an account that are due; return whether there were any."""
    return await sender().start(db, account_id, now)


@schedule("37 3 * * *", each=account_ids)
async def keep_webhooks(db: Db, account_id: int, now: datetime) -> None:
    """Delete old deliveries, and seal secrets with the present secret key."""
    longest = upkeep.delivery_retention.duration
    await upkeep.forget_deliveries(db, account_id, await oldest(db, account_id, DELIVERIES, longest, now))
    await seal_again(db, account_id)
