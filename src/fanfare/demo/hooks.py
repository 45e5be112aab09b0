"""The demo's endpoint: what it was sent, what it answered, and why it was disabled."""

from datetime import datetime

from fanfare.kernel.data.announcements import HOLD
from fanfare.kernel.data.db import Db
from fanfare.reports.topics import REPORT_CREATED
from fanfare.tickets.topics import TICKET_CREATED

# Disabled, so that nothing is sent to an address that leads nowhere. Its last deliveries failed.
TOPICS = [TICKET_CREATED.name, REPORT_CREATED.name]
MAKE = f"""
    with {HOLD},
    endpoint as (
        insert into webhooks (
            account_id, webhook_id, webhook_uid, url, topics, description, payload_format, is_enabled, disable_reason,
            begins_after, first_failure_at, failure_count, created_at, updated_at)
        select $1, nextval('positions'), gen_random_uuid(), 'https://crm.harbourcity.example/fanfare',
               $3::text[], 'Tickets for the CRM', 'standard', false, 'failing', 0,
               $2::timestamptz - interval '5 days', 9, $2::timestamptz - interval '60 days', $2
        from hold
        returning webhook_id
    ),
    sent as (
        select position, topic, subject_id, occurred_at, row_number() over (order by position desc) as place
        from changes where account_id = $1 and topic = any($3::text[])
        order by position desc limit 40
    )
    insert into webhook_deliveries (
        account_id, delivery_id, webhook_id, position, topic, lane, delivery_state, try_count, due_at, created_at,
        tried_at, response_status, response_body, failure, duration_ms)
    select $1, nextval('positions'), endpoint.webhook_id, sent.position, sent.topic, -sent.position,
           case when place <= 4 then 'failed' else 'delivered' end,
           case when place <= 4 then 8 when place = 9 then 2 else 1 end,
           $2, $2::timestamptz - place * interval '3 hours', $2::timestamptz - place * interval '3 hours',
           case when place <= 2 then 503 when place > 4 then 200 end,
           case when place <= 2 then 'maintenance' when place > 4 then 'ok' end,
           case when place in (3, 4) then 'no answer in 15 seconds' end,
           case when place in (3, 4) then 15000 else 40 + place * 7 end
    from endpoint cross join (select * from sent order by position) as sent
"""  # noqa: S608 - fixed parts


async def make_endpoint(db: Db, account_id: int, now: datetime) -> None:
    """Insert the endpoint with its deliveries."""
    await db.execute(MAKE, account_id, now, TOPICS)
