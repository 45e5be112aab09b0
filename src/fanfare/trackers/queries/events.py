"""Reads tracker events."""

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import RecordsPage, part, start
from fanfare.kernel.data.sql import Sql
from fanfare.trackers.schemas.events import EventMeta, EventQuery, TrackerEvent

PAGE = Sql("""
    select event_id as position, tracker_event_uid, floor(extract(epoch from created_at))::bigint as creation_timestamp,
           purchase_amount, is_clicked, tracker_id, fan_id, activity_id, ip_address, device_type, province,
           country_code, purchase_event_name, host_name, ticket_id, order_key, purchase_key, quantity,
           purchase_event_details, currency, url_param_props, event_source
    from tracker_events
    where account_id = $1 and event_id > :after and event_id < :bound
      and created_at >= :start and created_at < :end
      and (:purchase_event_name::text is null or purchase_event_name = :purchase_event_name)
      and (:is_clicked::boolean is null or is_clicked = :is_clicked)
    order by event_id
    limit :limit
""")


async def events(db: Db, account_id: int, query: EventQuery) -> RecordsPage[EventMeta, TrackerEvent]:
    """Return the next page of sales in a window, in the order in which they were recorded."""
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    values = {
        "after": low,
        "bound": high,
        "start": query.start_timestamp,
        "end": query.end_timestamp,
        "purchase_event_name": query.purchase_event_name,
        "is_clicked": query.is_clicked,
        "limit": query.limit + 1,
    }
    # Planned for this window: a plan for any window reads from the first event to one at the end.
    async with db.transaction() as tx:
        await tx.execute("select set_config('plan_cache_mode', 'force_custom_plan', true)")
        rows = await tx.rows(PAGE, account_id, **values)
    page = part(rows, query.limit, cursor, "position")
    meta = EventMeta(page_size=query.limit, cursor=page.next_cursor, has_more=page.has_more)
    return RecordsPage(meta, page.read(TrackerEvent))
