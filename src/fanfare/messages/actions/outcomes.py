"""Writes down how far a message has come.

A recipient may be erased while the message is sent. Then its state is kept, but no answer: servers quote addresses.
"""

from datetime import datetime

from fanfare.fans.queries.consents import IS_WELCOME, welcome_ctes
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.messages.actions.sending import NO_CONSENT
from fanfare.messages.templates.builtin import KINDS, LAST, Text
from fanfare.messages.topics import MESSAGE_FAILED, MESSAGE_SENT

# Whether the fan of the message `target` agrees to it, once consents that are being written are there.
TARGET_WELCOME = welcome_ctes(
    fan="(select fan_id from target)",
    channel="(select channel from target)",
    business="(select business_id from target)",
    is_locked=True,
)


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


BEGIN = Sql(f"""
    with {HOLD},
    target as (
        select fan_id, business_id, channel from messages where account_id = $1 and message_id = :message_id
    ),
    {TARGET_WELCOME},
    checks as materialized (
        select not :is_marketing or fan_id is null or {IS_WELCOME.format(business="business_id")} as is_allowed
        from target
    ),
    begun as (
        update messages m
        set message_state = case when is_allowed then 'sending' else 'suppressed' end, try_count = :try_count,
            tried_at = clock_timestamp(), sealed_values = case when is_allowed then m.sealed_values end,
            answer = case when is_allowed then m.answer else '{NO_CONSENT}' end
        from checks
        where m.account_id = $1 and m.message_id = :message_id and m.message_state = 'queued'
          and m.try_count < :try_count
        returning m.message_id, m.channel, m.fan_id, is_allowed
    ),
    announced as (
        {announce(MESSAGE_FAILED, "begun where not is_allowed", at=":now", is_unconfirmed="false")}
    )
    select is_allowed from begun
""")  # noqa: S608 - fixed parts


async def begin(db: Db, row: Record, now: datetime) -> bool:
    """Note that a message may leave from now on; False when it is no longer to be sent, or by somebody else.

    A marketing message to a fan who does not agree to it is given up here, right before it would leave.
    """
    kind = KINDS[row["template_name"]]
    is_allowed = await db.value(
        BEGIN,
        row["account_id"],
        message_id=row["message_id"],
        try_count=row["try_count"] + 1,
        is_marketing=kind.is_marketing,
        now=now,
    )
    return is_allowed is True


# The last message to somebody who is erased: once it is done with, nothing is stored of whom it went to.
IS_LAST = f"template_name in ({', '.join(f'{name!r}' for name in LAST)})"
FORGET_RECIPIENT = f"recipient = case when not {IS_LAST} then recipient end"
ACCEPT = f"""
    with {HOLD},
    done as (
        update messages set message_state = 'sent', sent_at = $3, {FORGET_RECIPIENT},
            answer = case when recipient is not null and not {IS_LAST} then $4 end, sealed_values = null
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
        set message_state = $3, sealed_values = null, {FORGET_RECIPIENT},
            answer = case when recipient is not null and not {IS_LAST} then coalesce($5::text, answer) end
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
