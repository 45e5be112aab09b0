"""Tickets of an import: written by the statements of the bulk call, and deleted again by an undo.

The fans of new tickets are found or created first, since no yes of an import overrides a no.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from fanfare.fans.actions.importing import FanOutcome, ImportContext
from fanfare.fans.actions.importing_owners import Owner, import_owners, owner
from fanfare.fans.actions.people import CHANNELS
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal
from fanfare.kernel.parameters import present_fields
from fanfare.tickets.actions.tickets import TicketKey, TicketLine, existing_tickets, save_tickets, ticket_line
from fanfare.tickets.schemas.tickets import NewTicket
from fanfare.tickets.topics import TICKET_DELETED


class ImportedTicket(msgspec.Struct, frozen=True):
    """A ticket of an import, without its opt-ins, and its buyer with them."""

    line: TicketLine
    owner: Owner


class TicketOutcome(msgspec.Struct, frozen=True):
    """What became of a ticket: its id if it is new, the fan if that is new, opt-ins left out, or why it was refused."""

    ticket_id: int | None = None
    created_fan_id: int | None = None
    refused_count: int = 0
    refusal: Refusal | None = None


def imported_ticket(new: NewTicket, context: ImportContext) -> ImportedTicket:
    """Return the line of a ticket; BadParameters (422) names every invalid field."""
    buyer = owner(present_fields(new), context, new.purchase_timestamp)
    plain = msgspec.structs.replace(new, **dict.fromkeys(CHANNELS))
    return ImportedTicket(ticket_line(context.account, 0, plain, context.now), buyer)


async def import_tickets(db: Db, tickets: Sequence[ImportedTicket], context: ImportContext) -> list[TicketOutcome]:
    """Save tickets in the caller's transaction; one whose ticket_key is there changes only whether it is deleted."""
    account, now = context.account, context.now
    lines = [each.line for each in tickets]
    for place, line in enumerate(lines):
        line.place = place
    existing = await existing_tickets(db, account.id, lines)
    new = list(_new_places(lines, set(existing)))
    fans = dict(zip(new, await import_owners(db, [tickets[place].owner for place in new], context), strict=True))
    refusals = _refusals(lines, fans)
    await save_tickets(db, account, [line for line in lines if line.place not in refusals], now)
    return [_outcome(line, fans, refusals.get(line.place)) for line in lines]


def _new_places(lines: Sequence[TicketLine], existing: set[TicketKey | None]) -> Iterator[int]:
    """Yield the places of tickets that are new: whoever sends one that is there, or one twice, is left alone."""
    keys = set(existing)
    for line in lines:
        if line.key is None or line.key not in keys:
            yield line.place
        keys.add(line.key)


def _refusals(lines: Sequence[TicketLine], fans: dict[int, FanOutcome]) -> dict[int, Refusal]:
    """Return why tickets are refused, by place: one that is sent twice is refused twice, since only one is guarded."""
    by_key = {lines[place].key: fan.refusal for place, fan in fans.items() if fan.refusal and lines[place].key}
    refusals = {line.place: by_key.get(line.key) for line in lines}
    refusals |= {place: fan.refusal for place, fan in fans.items() if fan.refusal}
    return {place: refusal for place, refusal in refusals.items() if refusal}


def _outcome(line: TicketLine, fans: dict[int, FanOutcome], refusal: Refusal | None) -> TicketOutcome:
    fan = fans.get(line.place)
    if refusal or fan is None or line.saved is None:
        return TicketOutcome(refusal=refusal)
    ticket_id = line.saved.ticket_id if line.saved.status == "success" else None
    return TicketOutcome(ticket_id, fan.fan_id if fan.is_created else None, fan.refused_count)


DELETE = f"""
    with {HOLD},
    deleted as (
        delete from tickets where account_id = $1 and ticket_id = any($2::bigint[]) and updated_at = created_at
        returning ticket_id, fan_id
    ),
    announced as (
        {announce(TICKET_DELETED, "deleted", at="$3", fields="jsonb_build_array('is_deleted')")}
    )
    select count(*) from deleted
"""  # noqa: S608 - fixed parts


async def delete_unchanged(db: Db, account_id: int, ticket_ids: Sequence[int], now: datetime) -> int:
    """Delete those of some tickets that were never changed, and return their number; in the caller's transaction."""
    count: int = await db.value(DELETE, account_id, list(ticket_ids), now)
    return count
