"""HTTP endpoints of tickets, ticket events and sales."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.tickets.actions import changes as ticket_changes
from fanfare.tickets.actions import events as event_actions
from fanfare.tickets.actions import tickets as ticket_actions
from fanfare.tickets.queries import curves, event_lists, events, stats, tickets
from fanfare.tickets.schemas.event_lists import (
    Curve,
    CurveQuery,
    EventEntry,
    EventQuery,
    EventSales,
    OneEvent,
    TicketEventMeta,
)
from fanfare.tickets.schemas.events import EventCount, TicketEvent, TicketEventQuery, TicketEventSave, TicketEventSaved
from fanfare.tickets.schemas.stats import Sales, SalesBy, SalesRow, StatsQuery
from fanfare.tickets.schemas.tickets import (
    BatchSaved,
    NewTicket,
    NewTickets,
    OneTicket,
    Ticket,
    TicketChanged,
    TicketChanges,
    TicketPageMeta,
    TicketSaved,
    TicketWindow,
)


@endpoint.get("/api/v1/crm/tickets", scope="crm", key=SECRET)
async def crm_tickets_list(db: Db, account: Account, query: TicketWindow) -> Page[TicketPageMeta, Ticket]:
    """Page through tickets, the newest first, or with `min_ticket_id` the oldest first.

    Continue with `meta.max_ticket_id` in ascending or `meta.min_ticket_id` in descending order. For tickets deleted or
    changed since a day, use `min_last_update_date` and `include_deleted`.
    """
    return await tickets.ticket_page(db, account, query)


@endpoint.get("/api/v1/crm/tickets/events", scope="crm", key=SECRET)
async def crm_ticket_events_list(db: Db, account: Account, query: TicketEventQuery) -> Page[EventCount, TicketEvent]:
    """List ticketed events, or find them by exact name (case is ignored), key, date or venue."""
    return await events.events(db, account.id, query)


@endpoint.post("/api/v1/crm/tickets/events", scope="crm", key=SECRET)
async def crm_ticket_events_save(db: Db, account: Account, change: TicketEventSave, now: datetime) -> TicketEventSaved:
    """Create, update or delete a ticket event, as `action` says.

    A new event is matched by event_key or, when that is blank, by event_date and event_name: one that exists is a
    `duplicate` and stays as it is. An event with tickets cannot be deleted.
    """
    return await event_actions.save_event(db, account, change, now)


@endpoint.get("/api/v1/crm/tickets/stats", scope="crm", key=SECRET)
async def crm_ticket_stats(db: Db, account: Account, query: StatsQuery) -> Sales:
    """Add up the sales of a range of days: new and returning fans, orders, seats and revenue."""
    return await stats.sales(db, account, query)


@endpoint.get("/api/v1/crm/tickets/{ticket_id}", scope="crm", key=SECRET)
async def crm_tickets_get(db: Db, account: Account, target: OneTicket) -> Ticket:
    """Return one ticket, deleted or not."""
    return await tickets.ticket(db, account.id, target)


@endpoint.post("/api/v1/crm/tickets", scope="crm", key=SECRET)
async def crm_tickets_create(db: Db, account: Account, new: NewTicket, now: datetime) -> TicketSaved:
    """Create a ticket line and, when needed, its fan and its event.

    A ticket_key that exists in its network is a `duplicate`: nothing is written, except that is_deleted deletes or
    restores the ticket. The response has the ticket's fan, even if this request names another.
    """
    return await ticket_actions.create_ticket(db, account, new, now)


@endpoint.post("/api/v1/crm/tickets/bulk", scope="crm", key=SECRET, array_field="tickets")
async def crm_tickets_bulk_create(db: Db, account: Account, new: NewTickets, now: datetime) -> list[BatchSaved]:
    """Create up to 100 tickets in one call and return the result of each, in the order sent.

    An invalid one does not affect the others. The body is a JSON array, or an object with it as field `tickets`.
    """
    return await ticket_actions.create_tickets(db, account, new.tickets, now)


@endpoint.get("/api/v1/manage/ticket_events", scope="manage", key=SECRET)
async def manage_ticket_events_list(
    db: Db, account: Account, query: EventQuery, now: datetime
) -> Page[TicketEventMeta, EventEntry]:
    """Page through events by period and text, in the order of day, name, venue or sales.

    Send meta.next_after back as `after`.
    """
    return await event_lists.event_entries(db, account, query, now)


@endpoint.get("/api/v1/manage/ticket_events/{event_uid}", scope="manage", key=SECRET)
async def manage_ticket_events_get(db: Db, account: Account, target: OneEvent) -> EventSales:
    """Return an event with what was sold of it, by price code too."""
    return await event_lists.event_sales(db, account.id, target.event_uid)


@endpoint.get("/api/v1/manage/ticket_events/{event_uid}/sales_curves", scope="manage", key=SECRET)
async def manage_ticket_event_curves(db: Db, account: Account, query: CurveQuery, now: datetime) -> list[Curve]:
    """Return how the sales of an event grew by day before it, beside earlier events: the event itself is the first."""
    return await curves.curves(db, account, query, now)


@endpoint.get("/api/v1/manage/tickets/sales", scope="manage", key=SECRET)
async def manage_tickets_sales(db: Db, account: Account, params: SalesBy) -> list[SalesRow]:
    """Add up the sales of a range of days by day or by event.

    An order over two days or two events is one sale in each of them, and a fan who bought in both one fan in each, so
    these rows may add up to more than the totals of `GET /api/v1/crm/tickets/stats`.
    """
    return await stats.sales_by(db, account, params)


@endpoint.post("/api/v1/manage/tickets/{ticket_id}", scope="manage", key=SECRET)
async def manage_tickets_update(db: Db, account: Account, changes: TicketChanges, now: datetime) -> TicketChanged:
    """Update the fields sent of a ticket."""
    return await ticket_changes.change_ticket(db, account.id, changes, now)


@endpoint.delete("/api/v1/manage/tickets/{ticket_id}", scope="manage", key=SECRET)
async def manage_tickets_delete(db: Db, account: Account, target: OneTicket, now: datetime) -> TicketChanged:
    """Mark a ticket as deleted; it is still listed with `include_deleted`."""
    return await ticket_changes.delete_ticket(db, account.id, target, now)
