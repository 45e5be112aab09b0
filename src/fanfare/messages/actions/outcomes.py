"""Writes down how far a message has come.

A recipient may be erased while the message is sent. Then its state is kept, but no answer: servers quote addresses.
"""

from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.messages.templates.builtin import Text
from fanfare.messages.topics import MESSAGE_FAILED, MESSAGE_SENT


async def record(db: Db, row: Record, text: Text) -> None:
    """Keep what a message says, as it may be shown; nothing when its recipient was erased meanwhile."""
    await db.execute(
        "update messages set subject = $3, text_body = $4, html_body = $5"
        " where account_id = $1 and message_id = $2 and recipient is not null",
        row["account_id"],
        row["message_id"],
        text.subject or None,
        text.text,
        text.html or None,
    )


async def begin(db: Db, row: Record) -> bool:
    """Note that a message may leave from now on; False when it is no longer to be sent, or by somebody else."""
    began = await db.value(
        """
        update messages set message_state = 'sending', try_count = $3, tried_at = clock_timestamp()
        where account_id = $1 and message_id = $2 and message_state = 'queued' and try_count < $3
        returning true
        """,
        row["account_id"],
        row["message_id"],
        row["try_count"] + 1,
    )
    return began is True


ACCEPT = f"""
    with {HOLD},
    done as (
        update messages set message_state = 'sent', sent_at = $3, answer = case when recipient is not null then $4 end,
            sealed_values = null
        where account_id = $1 and message_id = $2 and message_state in ('sending', 'unconfirmed')
        returning message_id, channel, fan_id
    )
    {announce(MESSAGE_SENT, "done", at="$3")}
"""  # noqa: S608 - fixed parts


async def accept(db: Db, row: Record, answer: str, now: datetime) -> None:
    """Note that the gateway took a message over."""
    await db.execute(ACCEPT, row["account_id"], row["message_id"], now, answer)


async def delay(db: Db, row: Record, answer: str, due_at: datetime) -> None:
    """Note that a message did not leave, and when it is tried again."""
    await db.execute(
        """
        update messages set message_state = 'queued', try_count = $3, due_at = $4, answer = $5
        where account_id = $1 and message_id = $2 and message_state in ('queued', 'sending') and try_count <= $3
        """,
        row["account_id"],
        row["message_id"],
        row["try_count"] + 1,
        due_at,
        answer,
    )


END = f"""
    with {HOLD},
    done as (
        update messages
        set message_state = $3, sealed_values = null,
            answer = case when recipient is not null then coalesce($5::text, answer) end
        where account_id = $1 and message_id = $2 and message_state in ('queued', 'sending')
        returning message_id, channel, fan_id
    )
    {announce(MESSAGE_FAILED, "done", at="$4", is_unconfirmed="$3 = 'unconfirmed'")}
"""  # noqa: S608 - fixed parts


async def end(db: Db, row: Record, state: str, now: datetime, *, answer: str | None = None) -> None:
    """Note that a message is given up, in one of the states that say why."""
    await db.execute(END, row["account_id"], row["message_id"], state, now, answer)


async def store(db: Db, row: Record) -> None:
    """Note that a message is stored to be looked at, since no gateway is set up. Its values stay sealed."""
    await db.execute(
        "update messages set message_state = 'stored'"
        " where account_id = $1 and message_id = $2 and message_state = 'queued'",
        row["account_id"],
        row["message_id"],
    )
