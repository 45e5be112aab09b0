"""Sends messages, and deletes them after a while."""

from datetime import datetime, timedelta

from fanfare.accounts.queries import account_ids
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import job, schedule
from fanfare.kernel.data.retention import MESSAGES, oldest
from fanfare.messages.actions import delivery, upkeep
from fanfare.messages.gateways.outgoing import outgoing


@job(concurrency=20)
async def deliver_message(db: Db, message_id: int, now: datetime) -> None:
    """Send one message of the account whose job it is."""
    if db.account_id is not None:
        await delivery.deliver(db, db.account_id, message_id, now)


@schedule("*/5 * * * *", each=account_ids)
async def queue_again(db: Db, account_id: int, now: datetime) -> None:
    """Queue messages whose job is gone, such as after an outage that lasted for all its tries."""
    await upkeep.queue_again(db, account_id, now)


@schedule("23 3 * * *", each=account_ids)
async def forget_messages(db: Db, account_id: int, now: datetime) -> None:
    """Delete messages that are older than the settings, or the account, say."""
    longest = timedelta(days=outgoing.days)
    await upkeep.forget_messages(db, account_id, await oldest(db, account_id, MESSAGES, longest, now))
