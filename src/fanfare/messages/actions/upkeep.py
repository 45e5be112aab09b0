"""Looks after the messages of an account: those that were left behind, and those that are old."""

from datetime import datetime, timedelta

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import enqueue
from fanfare.messages.actions.sending import DELIVER

# A message that is due for so long has no job any more.
OVERDUE = timedelta(minutes=15)
AT_ONCE = 1000


async def queue_again(db: Db, account_id: int, now: datetime) -> None:
    """Queue the messages whose job is gone."""
    rows = await db.rows(
        """
        select message_id from messages
        where account_id = $1 and message_state in ('queued', 'sending') and due_at <= $2
        order by due_at limit $3
        """,
        account_id,
        now - OVERDUE,
        AT_ONCE,
    )
    for row in rows:
        await enqueue(db.for_account(account_id), DELIVER, row["message_id"], key=str(row["message_id"]))


async def forget_messages(db: Db, account_id: int, older_than: datetime) -> None:
    """Delete messages with which nothing more happens, a few thousand at once."""
    deleted = AT_ONCE
    while deleted == AT_ONCE:
        word = await db.execute(
            """
            delete from messages where account_id = $1 and message_id in (
                select message_id from messages
                where account_id = $1 and created_at < $2 and message_state not in ('queued', 'sending')
                order by created_at limit $3)
            """,
            account_id,
            older_than,
            AT_ONCE,
        )
        deleted = int(word.removeprefix("DELETE "))
