"""Changes tickets, and marks them as deleted: the row stays, for pullers to see."""

from datetime import datetime

from msgspec import UNSET

from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import check_past
from fanfare.tickets.schemas.tickets import OneTicket, TicketChanged, TicketChanges
from fanfare.tickets.topics import TICKET_DELETED, TICKET_UPDATED

CHANGE_TICKET = f"""
    with {HOLD},
    old as (
        select ticket_id, fan_id, purchased_at, paid_amount, num_seats, currency, price_code, order_key, is_deleted
        from tickets where account_id = $1 and ticket_id = $2 for no key update
    ),
    new as (
        select ticket_id, fan_id, is_deleted as was_deleted,
               coalesce($3, purchased_at) as purchased_at, coalesce($4, paid_amount) as paid_amount,
               coalesce($5, num_seats) as num_seats, coalesce($6, currency) as currency,
               case when $7 then $8 else price_code end as price_code,
               case when $9 then $10 else order_key end as order_key,
               coalesce($11, is_deleted) as is_deleted
        from old
    ),
    differing as (
        select new.ticket_id, array_remove(array[
            case when new.purchased_at <> old.purchased_at then 'purchase_timestamp' end,
            case when new.paid_amount <> old.paid_amount then 'paid_amount' end,
            case when new.num_seats <> old.num_seats then 'num_seats' end,
            case when new.currency <> old.currency then 'currency' end,
            case when new.price_code is distinct from old.price_code then 'price_code' end,
            case when new.order_key is distinct from old.order_key then 'order_key' end,
            case when new.is_deleted <> old.is_deleted then 'is_deleted' end], null) as fields
        from new join old on old.ticket_id = new.ticket_id
    ),
    changed as (
        update tickets t
        set purchased_at = new.purchased_at, paid_amount = new.paid_amount, num_seats = new.num_seats,
            currency = new.currency, price_code = new.price_code, order_key = new.order_key,
            is_deleted = new.is_deleted, updated_at = greatest($12, t.updated_at + interval '1 millisecond')
        from new join differing d on d.ticket_id = new.ticket_id
        where t.account_id = $1 and t.ticket_id = new.ticket_id and d.fields <> '{{}}'
        returning t.ticket_id, t.fan_id, t.is_deleted and not new.was_deleted as is_gone, d.fields
    ),
    logged as (
        {announce(TICKET_UPDATED, "changed where not is_gone", at="$12")}
        {also(TICKET_DELETED, "changed where is_gone", at="$12")}
    )
    select ticket_id from old
"""  # noqa: S608 - fixed parts


async def change_ticket(db: Db, account_id: int, wanted: TicketChanges, now: datetime) -> TicketChanged:
    """Update the fields sent of a ticket, or refuse an unknown one; what says nothing new leaves no trace."""
    check_past(now, purchase_timestamp=wanted.purchase_timestamp)
    known = await db.value(
        CHANGE_TICKET,
        account_id,
        wanted.ticket_id,
        wanted.purchase_timestamp,
        wanted.paid_amount,
        wanted.num_seats,
        wanted.currency,
        wanted.price_code is not UNSET,
        None if wanted.price_code is UNSET else wanted.price_code,
        wanted.order_key is not UNSET,
        None if wanted.order_key is UNSET else wanted.order_key,
        wanted.is_deleted,
        now,
    )
    if known is None:
        raise Unknown(ticket=wanted.ticket_id)
    return TicketChanged(wanted.ticket_id)


async def delete_ticket(db: Db, account_id: int, wanted: OneTicket, now: datetime) -> TicketChanged:
    """Mark a ticket as deleted, or refuse an unknown one; one that is deleted already stays so."""
    return await change_ticket(db, account_id, TicketChanges(ticket_id=wanted.ticket_id, is_deleted=True), now)


MARK_TICKETS = f"""
    with {HOLD},
    marked as (
        update tickets t
        set is_deleted = said.is_deleted, updated_at = greatest($4, t.updated_at + interval '1 millisecond')
        from unnest($2::bigint[], $3::boolean[]) as said (ticket_id, is_deleted)
        where t.account_id = $1 and t.ticket_id = said.ticket_id and t.is_deleted <> said.is_deleted
        returning t.ticket_id, t.fan_id, t.is_deleted
    )
    {announce(TICKET_UPDATED, "marked where not is_deleted", at="$4", fields="jsonb_build_array('is_deleted')")}
    {also(TICKET_DELETED, "marked where is_deleted", at="$4", fields="jsonb_build_array('is_deleted')")}
"""  # noqa: S608 - fixed parts


async def mark_tickets(db: Db, account_id: int, marks: dict[int, bool], now: datetime) -> None:
    """Mark tickets as deleted, or as there again; `marks` says for each which. Unknown ones are passed over."""
    if not marks:
        return
    await db.execute(
        MARK_TICKETS,
        account_id,
        list(marks),
        list(marks.values()),
        now,
    )
