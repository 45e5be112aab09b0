"""Reads ticket events."""

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.tickets.schemas.events import EventCount, TicketEvent, TicketEventQuery


async def events(db: Db, account_id: int, query: TicketEventQuery) -> Page[EventCount, TicketEvent]:
    """Return the events that match all parameters, or those without tickets, ordered by date."""
    rows = await db.rows(
        """
        select e.event_uid, e.account_id, e.event_key, e.event_name, e.venue_name, e.artist_name, e.event_date,
               floor(extract(epoch from e.created_at))::bigint as creation_timestamp,
               nullif(e.network, '') as network, e.notes, e.label_name, e.event_type, e.venue_province
        from ticket_events e
        where e.account_id = $1 and ($2::text is null or fold_text(e.event_name) = fold_text($2))
          and ($3::text is null or e.event_key = $3) and ($4::date is null or e.event_date = $4)
          and ($5::text is null or e.network = $5) and ($6::text is null or fold_text(e.venue_name) = fold_text($6))
          and (not $7 or not exists (
              select from tickets t where t.account_id = $1 and t.event_uid = e.event_uid))
        order by e.event_date, fold_text(e.event_name), e.event_uid
        """,
        account_id,
        query.event_name,
        query.event_key,
        query.event_date,
        query.network,
        query.venue_name,
        query.is_ticketless_only,
    )
    return Page(EventCount(len(rows), has_more=False), [TicketEvent(**row) for row in rows])
