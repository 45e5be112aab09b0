"""Reads endpoints."""

import uuid

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.errors import Unknown
from fanfare.webhooks.schemas.webhooks import Webhook

MAX_WAITING = 1000


async def webhooks(db: Db, account_id: int) -> list[Webhook]:
    """Return the endpoints of an account, the oldest first."""
    # New deliveries, and those that wait for another try: an index each.
    rows = await db.rows(
        """
        select webhook_uid, url, topics, business_id, filter_uid, description, payload_format as format, is_enabled,
               disable_reason, floor(extract(epoch from first_failure_at))::bigint as failing_timestamp,
               (select count(*) from (
                    (select from webhook_deliveries d
                     where d.account_id = $1 and d.webhook_id = w.webhook_id and d.delivery_state = 'waiting'
                       and d.try_count = 0
                     limit $2)
                    union all
                    (select from webhook_deliveries d
                     where d.account_id = $1 and d.webhook_id = w.webhook_id and d.delivery_state = 'waiting'
                       and d.try_count > 0
                     limit $2)
                    limit $2) as waiting) as waiting_count,
               floor(extract(epoch from created_at))::bigint as creation_timestamp,
               floor(extract(epoch from updated_at))::bigint as last_update_timestamp
        from webhooks w where account_id = $1 order by webhook_id
        """,
        account_id,
        MAX_WAITING,
    )
    return read_rows(Webhook, rows)


async def webhook_id_of(db: Db, account_id: int, webhook_uid: uuid.UUID) -> int:
    """Return the id of an endpoint; refuses (404) an unknown one."""
    webhook_id: int | None = await db.value(
        "select webhook_id from webhooks where account_id = $1 and webhook_uid = $2", account_id, webhook_uid
    )
    if webhook_id is None:
        raise Unknown(webhook=webhook_uid)
    return webhook_id
