"""Creates, updates and deletes ticket events."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.references import Reference, check_unused, hold
from fanfare.kernel.data.updates import Columns, sent_fields
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.kernel.folding import fold
from fanfare.places.provinces import venue_province
from fanfare.tickets.schemas.events import TicketEventSave, TicketEventSaved
from fanfare.tickets.topics import TICKET_EVENT_CREATED, TICKET_EVENT_DELETED, TICKET_EVENT_UPDATED

# Columns by which stored criteria can refer to events.
NAMES = ("event_name", "venue_name", "artist_name")
EVENT = Columns(TicketEventSave, key=("event_uid", "action"), empty={"network": ""})


class TicketEventTaken(Conflict):
    """Another ticket event has this key in its network or, without a key, this date and name"""


class TicketEventSold(Conflict):
    """Tickets were sold for this event"""


async def save_event(db: Db, account: Account, change: TicketEventSave, now: datetime) -> TicketEventSaved:
    """Create, update or delete an event, depending on its action.

    Unknown (404) for an unknown event_uid; Conflict (409) if another event has the key or name, if the event to delete
    has tickets, or if stored criteria refer to a removed name.
    """
    if province := sent_fields(change).get("venue_province"):
        change = msgspec.structs.replace(change, venue_province=venue_province(account.country_code, province))
    if change.action == "delete" and change.event_uid:
        return await _delete_event(db, account.id, change.event_uid, now)
    if change.action == "update" and change.event_uid:
        return await _change_event(db, account.id, change, now)
    return await db.retry_conflicts(lambda tx: _create_event(tx, account.id, change, now))


CREATE_EVENT = f"""
    with {HOLD},
    new as (
        select * from jsonb_populate_record(null::ticket_events, $3)
    ),
    existing as materialized (
        (select k.event_uid from new w
         join ticket_events k on k.account_id = $1 and k.event_key = w.event_key
              and (k.network = w.network or k.network = '' or w.network = '')
         order by k.network <> w.network, k.created_at, k.event_uid limit 1)
        union all
        (select k.event_uid from new w
         join ticket_events k on k.account_id = $1 and w.event_key is null and k.event_date = w.event_date
              and fold_text(k.event_name) = fold_text(w.event_name)
         order by k.event_key is not null, k.created_at, k.event_uid limit 1)
    ),
    saved as (
        insert into ticket_events (account_id, event_uid, created_at, updated_at, {EVENT})
        select $1, $2, $4, $4, {EVENT} from new
        where not exists (select from existing)
        returning event_uid
    ),
    announced as (
        {announce(TICKET_EVENT_CREATED, "saved", at="$4")}
    )
    select event_uid, true as is_new from saved union all select event_uid, false from existing
"""  # noqa: S608 - fixed parts


async def _create_event(db: Db, account_id: int, change: TicketEventSave, now: datetime) -> TicketEventSaved:
    record = EVENT.record({name: getattr(change, name) or None for name in EVENT.by_field})
    row = await db.row(CREATE_EVENT, account_id, uuid.uuid4(), record, now)
    if row is None:
        message = "The event was deleted in the meantime; try again"
        raise Unknown(message)
    return TicketEventSaved(row["event_uid"], "create", "success" if row["is_new"] else "duplicate")


async def _change_event(db: Db, account_id: int, change: TicketEventSave, now: datetime) -> TicketEventSaved:
    values = EVENT.record(EVENT.sent_fields(change))
    try:
        async with db.transaction() as tx:
            await hold(tx, account_id)
            old = await _lock(tx, account_id, change.event_uid)
            fields = [name for name, value in values.items() if value != old[name]]
            if fields:
                await _check_removed_names(tx, account_id, old, values)
                await tx.execute(WRITE, account_id, change.event_uid, values, now, fields)
    except asyncpg.UniqueViolationError:
        raise TicketEventTaken from None
    return TicketEventSaved(old["event_uid"], "update", "success")


async def _lock(db: Db, account_id: int, event_uid: uuid.UUID | None) -> Record:
    old = await db.row(
        """
        select event_uid, event_date, network, event_key, event_name, venue_name, venue_province, artist_name, notes,
               label_name, event_type
        from ticket_events where account_id = $1 and event_uid = $2 for update
        """,
        account_id,
        event_uid,
    )
    if old is None:
        raise Unknown(ticket_event=event_uid)
    return old


async def _check_removed_names(db: Db, account_id: int, old: Record, values: Mapping[str, Any]) -> None:
    """Raise Conflict (409) if stored criteria refer to a name, venue or artist that no event will have any more."""
    names = {name: fold(values.get(name, old[name]) or "") for name in NAMES}
    removed = {name: old[name] for name in NAMES if old[name] and names[name] != fold(old[name])}
    rows = await db.rows(
        """
        select removed.kind, removed.name from unnest($3::text[], $4::text[]) as removed (kind, name)
        where not exists (
            select from ticket_events e
            where e.account_id = $1 and e.event_uid <> $2 and fold_text(removed.name) = case removed.kind
                when 'event_name' then fold_text(e.event_name)
                when 'venue_name' then fold_text(e.venue_name)
                else fold_text(e.artist_name) end)
        """,
        account_id,
        old["event_uid"],
        list(removed),
        list(removed.values()),
    )
    await check_unused(db, account_id, *(Reference(f"ticket_{row['kind']}", row["name"]) for row in rows))


WRITE = f"""
    with {HOLD},
    saved as (
        update ticket_events e
        set {EVENT.assignments("e", "$3")},
            updated_at = greatest($4, e.updated_at + interval '1 millisecond')
        where e.account_id = $1 and e.event_uid = $2
        returning e.event_uid
    )
    {announce(TICKET_EVENT_UPDATED, "saved", at="$4", fields="$5::text[]")}
"""  # noqa: S608 - fixed parts


DELETE_EVENT = announced_deletion(
    TICKET_EVENT_DELETED,
    """
    delete from ticket_events e
    where e.account_id = $1 and e.event_uid = $2
    and not exists (select from tickets t where t.account_id = $1 and t.event_uid = e.event_uid)
    """,
    returning="event_uid",
)


async def _delete_event(db: Db, account_id: int, event_uid: uuid.UUID, now: datetime) -> TicketEventSaved:
    async with db.transaction() as tx:
        await hold(tx, account_id)
        # Waits for transactions that sell tickets, which lock the event; a new statement then sees their tickets.
        old = await _lock(tx, account_id, event_uid)
        await _check_removed_names(tx, account_id, old, dict.fromkeys(NAMES))
        deleted = await tx.value(
            DELETE_EVENT,
            account_id,
            old["event_uid"],
            now,
        )
        if deleted is None:
            raise TicketEventSold
    return TicketEventSaved(old["event_uid"], "delete", "success")
