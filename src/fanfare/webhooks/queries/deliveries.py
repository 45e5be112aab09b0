"""Reads deliveries."""

import uuid

from fanfare.kernel.data.changes import Change, settled
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.paging import Page, part, start
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.webhooks.queries.webhooks import webhook_id_of
from fanfare.webhooks.schemas.bodies import body_of, message_id
from fanfare.webhooks.schemas.deliveries import ROWS, DeliveryMeta, DeliveryQuery, WebhookDelivery

COLUMNS = """
    d.delivery_id as delivery_position, d.delivery_id, d.topic, d.delivery_state as state, d.is_replay, d.try_count,
    floor(extract(epoch from d.created_at))::bigint as creation_timestamp,
    floor(extract(epoch from d.tried_at))::bigint as try_timestamp,
    case when d.delivery_state = 'waiting' then floor(extract(epoch from d.due_at))::bigint end as next_timestamp,
    d.response_status, d.response_body, d.failure, d.duration_ms,
    d.position, c.topic as change_topic, c.subject_id, c.fan_id, c.occurred_at, c.data, w.payload_format
"""
DELIVERIES = f"""
    select {COLUMNS} from webhook_deliveries d
    join webhooks w on w.account_id = $1 and w.webhook_id = d.webhook_id
    left join changes c on c.account_id = $1 and c.position = d.position
    where d.account_id = $1 and d.webhook_id = :webhook_id and d.delivery_id > :lowest and d.delivery_id < :highest
      and (:state::text is null or d.delivery_state = :state)
    order by d.delivery_id {{order}} limit :limit
"""  # noqa: S608 - fixed parts
BY_ORDER = {order: Sql(DELIVERIES.format(order=order)) for order in ("asc", "desc")}


async def deliveries(db: Db, account_id: int, query: DeliveryQuery) -> Page[DeliveryMeta, WebhookDelivery]:
    """Return a page of an endpoint's deliveries; refuses (404) an unknown endpoint."""
    webhook_id = await webhook_id_of(db, account_id, query.webhook_uid)
    limit, cursor = query.limit or ROWS, start(query.cursor, query.order)
    lowest, highest = cursor.span(await settled(db, account_id))
    rows = await db.rows(
        BY_ORDER[cursor.order],
        account_id,
        webhook_id=webhook_id,
        lowest=lowest,
        highest=highest,
        state=query.state,
        limit=limit + 1,
    )
    bodies = [_request_body(row, account_id) for row in rows]
    page = part(rows, limit, cursor, "delivery_position")
    data = [
        WebhookDelivery(
            message_id=message_id(row["position"]),
            request_body=body,
            **{name: row[name] for name in row if name in WebhookDelivery.__struct_fields__},
        )
        for row, body in zip(page.rows, bodies, strict=False)
    ]
    return Page(DeliveryMeta(has_more=page.has_more, next_cursor=page.next_cursor, count=len(data)), data)


async def delivery_topic(db: Db, account_id: int, webhook_uid: uuid.UUID, delivery_id: int) -> str:
    """Return the topic of a delivery of an endpoint; refuses (404) an unknown one."""
    webhook_id = await webhook_id_of(db, account_id, webhook_uid)
    topic: str | None = await db.value(
        "select topic from webhook_deliveries where account_id = $1 and webhook_id = $2 and delivery_id = $3",
        account_id,
        webhook_id,
        delivery_id,
    )
    if topic is None:
        raise Unknown(delivery=delivery_id)
    return topic


def _request_body(row: Record, account_id: int) -> str | None:
    if row["change_topic"] is None:
        return None
    change = Change(
        row["position"], row["change_topic"], row["subject_id"], row["fan_id"], row["occurred_at"], row["data"]
    )
    return body_of(change, account_id, row["payload_format"]).decode()
