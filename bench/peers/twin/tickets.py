"""Lines of tickets, stored by the hundred."""

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bench.peers.twin.people import fan_ids_of
from bench.peers.twin.shapes import NewTicket, TicketSaved
from bench.peers.twin.tables import Ticket, TicketEvent

BATCH = 100
EVENT_COLUMNS = {"network", "event_key", "event_name", "event_date", "venue_name"}
TICKET_COLUMNS = {"num_seats", "paid_amount", "currency", "network", "ticket_key", "order_key", "price_code"}


async def store(db: AsyncSession, lines: list[NewTicket]) -> list[TicketSaved]:
    """Store lines, and return for each its ticket and whether that was there."""
    fan_ids = await fan_ids_of(db, lines)
    event_ids = await _event_ids(db, lines)
    rows = [
        {
            "fan_id": fan_ids[each.email.lower()],
            "event_id": event_ids[each.event_key, each.network],
            "purchased_at": each.purchase_timestamp,
            **each.model_dump(include=TICKET_COLUMNS),
        }
        for each in lines
    ]
    by_key = [Ticket.ticket_key, Ticket.network]
    new = insert(Ticket).on_conflict_do_nothing(index_elements=by_key)
    columns = (Ticket.ticket_id, Ticket.ticket_key, Ticket.network, Ticket.fan_id)
    # In the order of the keys, so that two calls with the same lines wait for each other instead of blocking.
    ordered = sorted(rows, key=lambda row: (row["ticket_key"], row["network"]))
    saved = {row[1:3]: row for row in await db.execute(new.returning(*columns), ordered)}
    keys = [(each.ticket_key, each.network) for each in lines if (each.ticket_key, each.network) not in saved]
    duplicates = {}
    if keys:
        there = select(*columns).where(tuple_(*by_key).in_(keys))
        duplicates = {row[1:3]: row for row in await db.execute(there)}
    return [_answer(index, each, saved, duplicates) for index, each in enumerate(lines)]


def _answer(index: int, line: NewTicket, saved: dict, duplicates: dict) -> TicketSaved:
    """Return what became of a line; the second with the same key in a batch is a duplicate."""
    key = line.ticket_key, line.network
    is_new = key in saved
    row = duplicates.setdefault(key, saved.pop(key, None))
    return TicketSaved.model_construct(
        index=index,
        ticket_id=row.ticket_id,
        ticket_key=row.ticket_key,
        fan_id=row.fan_id,
        status="success" if is_new else "duplicate",
    )


async def _event_ids(db: AsyncSession, lines: list[NewTicket]) -> dict[tuple[str, str], int]:
    """Return the events of some lines by key and network; those that are not there are made."""
    wanted = {(each.event_key, each.network): each for each in lines}
    columns = (TicketEvent.event_key, TicketEvent.network)
    there = select(*columns, TicketEvent.event_id).where(tuple_(*columns).in_(wanted))
    found = {row[:2]: row.event_id for row in await db.execute(there)}
    if missing := [wanted[key] for key in sorted(wanted.keys() - found.keys())]:
        rows = [each.model_dump(include=EVENT_COLUMNS) for each in missing]
        await db.execute(insert(TicketEvent).values(rows).on_conflict_do_nothing(index_elements=columns))
        found = {row[:2]: row.event_id for row in await db.execute(there)}
    return found
