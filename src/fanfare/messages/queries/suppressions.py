"""Reads suppressions."""

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.messages.schemas.suppressions import Suppression, SuppressionQuery


async def suppressions(db: Db, account_id: int, query: SuppressionQuery) -> ArrayPage[Suppression]:
    """Return the addresses that get no messages, in the order in which they were added."""
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(
        f"""
        select suppression_id as position, suppression_id, account_id, channel, address, suppression_reason as reason,
               message_id, floor(extract(epoch from created_at))::bigint as creation_timestamp
        from suppressions
        where account_id = $1 and ($2::text is null or address = $2) and suppression_id > $3 and suppression_id < $4
        order by suppression_id {cursor.order} limit $5
        """,  # noqa: S608 - asc or desc
        account_id,
        query.recipient,
        low,
        high,
        query.limit + 1,
    )
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(Suppression), page.next_page)
