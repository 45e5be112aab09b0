"""Updates tickets and marks them as deleted; the rows stay, since clients sync deletions by `include_deleted`."""

from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import check_past
from fanfare.tickets.schemas.tickets import OneTicket, TicketChanged, TicketChanges
from fanfare.tickets.topics import TICKET_DELETED, TICKET_UPDATED

TICKET = Columns(TicketChanges, key=("ticket_id",), names={"purchase_timestamp": "purchased_at"})
CHANGE_TICKET = f"""
    with {HOLD},
    old as (
        select t as ticket from tickets t where t.account_id = $1 and t.ticket_id = $2 for no key update
    ),
    differing as (
        select ticket, {TICKET.changed_fields("ticket", "$3")} as fields from old
    ),
    changed as (
        update tickets t
        set {TICKET.assignments("d.ticket", "$3")},
            updated_at = greatest($4, t.updated_at + interval '1 millisecond')
        from differing d
        where t.account_id = $1 and t.ticket_id = $2 and d.fields <> '{{}}'
        returning t.ticket_id, t.fan_id, t.is_deleted and not (d.ticket).is_deleted as is_newly_deleted, d.fields
    ),
    announced as (
        {announce(TICKET_UPDATED, "changed where not is_newly_deleted", at="$4")}
        {also(TICKET_DELETED, "changed where is_newly_deleted", at="$4")}
    )
    select true from old
"""  # noqa: S608 - fixed parts


async def change_ticket(db: Db, account_id: int, changes: TicketChanges, now: datetime) -> TicketChanged:
    """Update the fields sent of a ticket; a change without effect is not announced. Unknown (404) if not found."""
    check_past(now, purchase_timestamp=changes.purchase_timestamp)
    record = TICKET.record(TICKET.sent_fields(changes))
    exists = await db.value(CHANGE_TICKET, account_id, changes.ticket_id, record, now)
    if exists is None:
        raise Unknown(ticket=changes.ticket_id)
    return TicketChanged(changes.ticket_id)


async def delete_ticket(db: Db, account_id: int, target: OneTicket, now: datetime) -> TicketChanged:
    """Mark a ticket as deleted; no change if it is already. Unknown (404) if not found."""
    return await change_ticket(db, account_id, TicketChanges(ticket_id=target.ticket_id, is_deleted=True), now)


MARK_TICKETS = f"""
    with {HOLD},
    marked as (
        update tickets t
        set is_deleted = new.is_deleted, updated_at = greatest($4, t.updated_at + interval '1 millisecond')
        from unnest($2::bigint[], $3::boolean[]) as new (ticket_id, is_deleted)
        where t.account_id = $1 and t.ticket_id = new.ticket_id and t.is_deleted <> new.is_deleted
        returning t.ticket_id, t.fan_id, t.is_deleted
    )
    {announce(TICKET_UPDATED, "marked where not is_deleted", at="$4", fields="jsonb_build_array('is_deleted')")}
    {also(TICKET_DELETED, "marked where is_deleted", at="$4", fields="jsonb_build_array('is_deleted')")}
"""  # noqa: S608 - fixed parts


async def mark_tickets(db: Db, account_id: int, marks: dict[int, bool], now: datetime) -> None:
    """Set is_deleted of tickets, {ticket_id: is_deleted}; unknown ones are ignored."""
    if not marks:
        return
    await db.execute(
        MARK_TICKETS,
        account_id,
        list(marks),
        list(marks.values()),
        now,
    )
