"""Rows that are tickets."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_owners import people_of
from fanfare.imports.actions.kinds.kind import Created, Kind, Outcome, Undone, ids, synonyms
from fanfare.imports.actions.kinds.people import NAMES
from fanfare.imports.queries.uses import used_tickets
from fanfare.imports.schemas.fields import Fields
from fanfare.kernel.data.db import Db
from fanfare.tickets.actions.importing import ImportedTicket, delete_unchanged, import_tickets, imported_ticket
from fanfare.tickets.schemas.tickets import NewTicket


async def write(db: Db, lines: Sequence[ImportedTicket], context: ImportContext) -> list[Outcome]:
    """Save the tickets, each once by its key."""
    return [
        Outcome(ids(each.ticket_id), each.created_fan_id, each.refused_count, each.refusal)
        for each in await import_tickets(db, lines, context)
    ]


async def undo(db: Db, account_id: int, created: Created, now: datetime) -> Undone:
    """Delete the tickets that nobody changed and no link is credited with."""
    used = await used_tickets(db, account_id, created.ids)
    deleted = await delete_unchanged(db, account_id, [each for each in created.ids if each not in used], now)
    return Undone(deleted, len(created.ids) - deleted)


OTHER_NAMES = synonyms(
    purchase_timestamp=("purchased_at", "purchase_date", "order_date", "date"),
    paid_amount=("amount", "price", "total"),
    num_seats=("seats", "quantity", "qty"),
    event_name=("event",),
    venue_name=("venue",),
    artist_name=("artist",),
)
TICKETS = Kind(
    "tickets",
    Fields(NewTicket, names={**synonyms(**NAMES), **OTHER_NAMES}, unsuggested=frozenset({"is_deleted"})),
    imported_ticket,
    write,
    undo,
    topics=("ticket",),
    people=lambda lines: people_of(each.owner for each in lines),
)
