"""Reads messages."""

from collections.abc import Collection, Sequence

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page, below, newest_first
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.messages.schemas.messages import ROWS, Message, MessageContent, MessageMeta, MessageWindow

COLUMNS = """
    message_id, account_id, channel, template_name, message_language as language, fan_id, business_id, recipient,
    message_state as state, try_count, answer, floor(extract(epoch from created_at))::bigint as creation_timestamp,
    floor(extract(epoch from sent_at))::bigint as sent_timestamp,
    floor(extract(epoch from bounced_at))::bigint as bounce_timestamp,
    floor(extract(epoch from reported_at))::bigint as report_timestamp
"""
MESSAGES = Sql(f"""
    select {COLUMNS} from messages
    where account_id = $1 and message_id < :bound
      and (:fan_id::bigint is null or fan_id = :fan_id)
      and (:recipient::text is null or recipient = :recipient)
      and (:channel::text is null or channel = :channel)
      and (:state::text is null or message_state = :state)
      and (:business_ids::bigint[] is null or business_id = any(:business_ids))
    order by message_id desc limit :limit
""")  # noqa: S608 - fixed parts


async def messages(
    db: Db, account_id: int, query: MessageWindow, business_ids: Sequence[int] | None = None
) -> Page[MessageMeta, Message]:
    """Return messages, the newest first; None for those of all businesses and of none."""
    limit, bound = query.limit or ROWS, await settled(db, account_id)
    rows = await db.rows(
        MESSAGES,
        account_id,
        bound=below(query.max_message_id, bound),
        fan_id=query.fan_id,
        recipient=query.recipient,
        channel=query.channel,
        state=query.state,
        business_ids=None if business_ids is None else list(business_ids),
        limit=limit + 1,
    )
    data = read_rows(Message, rows[:limit])
    return newest_first(MessageMeta, data, "message_id", query.max_message_id, has_more=len(rows) > limit)


async def stored_behind(db: Db, account_id: int, position: int, printed: Collection[int]) -> list[int]:
    """Return the ids of up to 100 stored messages behind a position, the oldest first, without those in `printed`."""
    rows = await db.rows(
        "select message_id from messages where account_id = $1 and message_id > $2 and message_state = 'stored'"
        " and message_id <> all($3::bigint[]) order by message_id limit 100",
        account_id,
        position,
        list(printed),
    )
    return [row["message_id"] for row in rows]


async def message(db: Db, account_id: int, message_id: int) -> MessageContent:
    """Return one message with what it said, or refuse as unknown."""
    row = await db.row(
        f"select {COLUMNS}, subject, text_body, html_body from messages where account_id = $1 and message_id = $2",  # noqa: S608 - fixed parts
        account_id,
        message_id,
    )
    if row is None:
        raise Unknown(message=message_id)
    return MessageContent(**row)
