"""Creates tickets, one or a batch, with the fans who bought them."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count
from operator import attrgetter
from typing import Any

import msgspec

from fanfare.fans.actions.people import Batch, Person, batches, consent_times, person
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.lines import LineFault, WrongLine, check_lines, line_fault, unstorable_line, write_lines
from fanfare.kernel.data.sql import array_literal
from fanfare.kernel.folding import fold
from fanfare.kernel.parameters import RequestContext
from fanfare.kernel.running.long_inputs import run_by_rows
from fanfare.kernel.wire import check_past
from fanfare.places.provinces import venue_province
from fanfare.tickets.actions.changes import mark_tickets
from fanfare.tickets.actions.selling import EVENT_ARRAYS, LINE_ARRAYS, SELL, SELL_LIGHT
from fanfare.tickets.schemas.tickets import (
    BatchSaved,
    BulkTicket,
    NewTicket,
    TicketSaved,
)

SOURCE = "ticket"
FIELD = "tickets"
CONTACT = ("email", "phone", "country_code", "province", "city", "postal_code")
PERSON_FIELDS = ("first_name", "last_name", "fan_source", "is_subscribed", "is_phone_subscribed")
# Parameters that are stored unchanged.
PLAIN = ("num_seats", "paid_amount", "ticket_key", "order_key", "customer_key", "price_code")
BUYER = attrgetter(*CONTACT, *PERSON_FIELDS)
# What a ticket fills in of its event.
VENUE = ("venue_name", "artist_name", "venue_province")
TicketKey = tuple[str, str]
# The buyers of a batch by the fields of BUYER.
Buyers = dict[tuple[Any, ...], Person]


class TicketLine(msgspec.Struct):
    """A ticket being saved: its place in the batch, the request, its buyer, and the result."""

    place: int
    new: NewTicket
    profile: Person
    is_deleted: bool = False
    saved: TicketSaved | None = None

    @property
    def key(self) -> TicketKey | None:
        """Return (network, ticket_key), by which duplicates are found, or None without ticket_key."""
        new = self.new
        return (new.network or "", new.ticket_key) if new.ticket_key else None


async def create_ticket(db: Db, account: Account, new: NewTicket, now: datetime) -> TicketSaved:
    """Create a ticket and, when needed, its fan and its event; one with an existing ticket_key is a duplicate.

    Of a duplicate only is_deleted is written, which cancels or restores the ticket.
    """
    line = ticket_line(account, 0, new, now)
    line.is_deleted = new.is_deleted or False
    (event,), places = _events(account, [line])
    row = {name: value for name, (value,) in _columns(account, [line], [0], places).items()}
    named = {**EVENT_ARRAYS.one_arguments(event), **LINE_ARRAYS.one_arguments(row), "now": now}
    if saved := await SELL_LIGHT.row(db, account.id, line.profile, named):
        return TicketSaved(saved["ticket_id"], new.ticket_key, saved["fan_id"], "success")
    await save_tickets(db, account, [line], now)
    return _result(line)


async def create_tickets(
    db: Db, account: Account, batch: Sequence[BulkTicket | WrongLine], now: datetime
) -> list[BatchSaved]:
    """Create the tickets of a batch and return the result of each, in order; an invalid one does not stop others."""
    lines, faults = await run_by_rows(account.id, len(batch), _lines, account, batch, now)
    unstorable = await write_lines(lines, lambda part: save_tickets(db, account, list(part), now))
    faults += [line_fault(line.place, unstorable_line(FIELD)) for line in unstorable]
    errors = {fault.index: _error(fault, batch[fault.index]) for fault in faults}
    results = {line.place: _success(line) for line in lines if line.place not in errors}
    return [errors.get(place) or results[place] for place in range(len(batch))]


async def save_lines(db: Db, account: Account, lines: list[TicketLine], now: datetime) -> list[TicketSaved]:
    """Create the tickets of lines whose fans and fields were read before, and return the result of each."""
    return [_result(line) for line in await save_tickets(db, account, lines, now)]


def _error(fault: LineFault, line: BulkTicket | WrongLine) -> BatchSaved:
    key = line.refusal.values.get("ticket_key") if isinstance(line, WrongLine) else line.ticket_key
    return BatchSaved(
        **msgspec.structs.asdict(fault),
        ticket_id=None,
        ticket_key=key,
        fan_id=None,
        status="error",
    )


def _success(line: TicketLine) -> BatchSaved:
    saved = _result(line)
    return BatchSaved(
        index=line.place,
        ticket_id=saved.ticket_id,
        ticket_key=saved.ticket_key,
        fan_id=saved.fan_id,
        status=saved.status,
    )


def _lines(
    account: Account, batch: Sequence[BulkTicket | WrongLine], now: datetime
) -> tuple[list[TicketLine], list[LineFault]]:
    """Return the valid lines of a batch, and the errors of the others."""
    buyers: Buyers = {}
    return check_lines(
        batch, lambda place, new: ticket_line(account, place, new, now, buyers), RequestContext(account, now)
    )


def ticket_line(
    account: Account, place: int, new: NewTicket, now: datetime, buyers: Buyers | None = None
) -> TicketLine:
    """Return the line of a ticket; BadParameters (422) names every invalid field.

    `buyers` are those of earlier lines: most orders have several lines.
    """
    check_past(now, purchase_timestamp=new.purchase_timestamp)
    values = BUYER(new)
    has_consents = new.is_subscribed is not None or new.is_phone_subscribed is not None
    if has_consents or buyers is None:
        return TicketLine(place, new, _buyer(account, values, consent_times(new.purchase_timestamp)))
    buyer = buyers.get(values)
    if buyer is None:
        buyer = buyers[values] = _buyer(account, values, {})
    return TicketLine(place, new, buyer)


def _buyer(account: Account, values: tuple[Any, ...], times: Mapping[str, datetime | None]) -> Person:
    contact, attributes = values[: len(CONTACT)], values[len(CONTACT) :]
    return person(
        dict(zip(CONTACT, contact, strict=True)),
        home_country=account.country_code,
        **dict(zip(PERSON_FIELDS, attributes, strict=True)),
        **times,
    )


def _result(line: TicketLine) -> TicketSaved:
    if line.saved is None:
        message = "a ticket was neither inserted nor found"
        raise RuntimeError(message)
    return line.saved


async def save_tickets(db: Db, account: Account, lines: list[TicketLine], now: datetime) -> list[TicketLine]:
    """Insert new tickets and mark existing ones; each of the lines has its result then."""
    if lines:
        attempts = count()
        await db.retry_conflicts(lambda tx: _write(tx, account, lines, now, next(attempts)))
    return lines


async def _write(db: Db, account: Account, lines: list[TicketLine], now: datetime, attempt: int) -> None:
    """Insert new lines and mark existing ones; one statement, unless there are marks or contradictory consents."""
    existing = await existing_tickets(db, account.id, lines)
    new_lines = _new_lines(lines, existing)
    marks = _marks(lines, existing)
    parts = list(batches([line.profile for line in new_lines]))
    if len(parts) + bool(marks) > 1 and not db.in_transaction:
        async with db.transaction() as tx:
            await _write_parts(tx, account, new_lines, parts, now, attempt)
            await mark_tickets(tx, account.id, marks, now)
    else:
        await _write_parts(db, account, new_lines, parts, now, attempt)
        await mark_tickets(db, account.id, marks, now)
    first = {line.key: line.saved for line in new_lines if line.saved}
    for line in lines:
        if line.saved is None and (saved := first.get(line.key)):
            line.saved = TicketSaved(saved.ticket_id, saved.ticket_key, saved.fan_id, "duplicate")


async def existing_tickets(db: Db, account_id: int, lines: list[TicketLine]) -> dict[TicketKey | None, Record]:
    """Return the tickets that are there, by the keys of lines."""
    keys = list({line.key for line in lines if line.key})
    if not keys:
        return {}
    rows = await db.rows(
        """
        select t.network, t.ticket_key, t.ticket_id, t.fan_id, t.is_deleted
        from unnest($2::text::text[], $3::text::text[]) as k (network, ticket_key)
        cross join lateral (
            select network, ticket_key, ticket_id, fan_id, is_deleted from tickets
            where account_id = $1 and ticket_key = k.ticket_key and network = k.network limit 1) t
        """,
        account_id,
        array_literal([network for network, _ in keys]),
        array_literal([ticket_key for _, ticket_key in keys]),
    )
    return {(row["network"], row["ticket_key"]): row for row in rows}


def _new_lines(lines: list[TicketLine], existing: dict[TicketKey | None, Record]) -> list[TicketLine]:
    """Return the lines to insert: the first of those with the same key, with the last one's is_deleted."""
    new_lines: list[TicketLine] = []
    first: dict[TicketKey, TicketLine] = {}
    for line in lines:
        key, flag = line.key, line.new.is_deleted
        line.saved, line.is_deleted = None, flag or False
        if key and (row := existing.get(key)):
            line.saved = TicketSaved(row["ticket_id"], row["ticket_key"], row["fan_id"], "duplicate")
        elif key and key in first:
            first[key].is_deleted = first[key].is_deleted if flag is None else flag
        else:
            new_lines.append(line)
            if key:
                first[key] = line
    return new_lines


def _marks(lines: list[TicketLine], existing: dict[TicketKey | None, Record]) -> dict[int, bool]:
    """Return {ticket_id: is_deleted} for existing tickets whose flag changes; the last line counts."""
    flags = {
        existing[line.key]["ticket_id"]: (line.new.is_deleted, existing[line.key]["is_deleted"])
        for line in lines
        if line.key in existing and line.new.is_deleted is not None
    }
    return {ticket_id: flag for ticket_id, (flag, old) in flags.items() if flag != old}


async def _write_parts(
    db: Db, account: Account, new_lines: list[TicketLine], parts: list[Batch], now: datetime, attempt: int
) -> None:
    offset = 0
    for part in parts:
        lines = new_lines[offset : offset + len(part.places)]
        offset += len(part.places)
        events, places = _events(account, lines)
        named = {
            **EVENT_ARRAYS.arguments(events),
            **LINE_ARRAYS.column_arguments(_columns(account, lines, part.places, places)),
            "now": now,
            "source": SOURCE,
        }
        rows = await SELL.full(db, account.id, part.people, attempt, named)
        for line, row in zip(lines, rows, strict=True):
            line.saved = TicketSaved(row["ticket_id"], line.new.ticket_key, row["fan_id"], "success")


def _events(account: Account, lines: list[TicketLine]) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the distinct events of a batch, and for each line the place of its event."""
    result: dict[tuple[object, ...], dict[str, Any]] = {}
    places: list[int] = []
    for line in lines:
        item = line.new
        network = item.network or ""
        key = (network, item.event_key) if item.event_key else (item.event_date, fold(item.event_name))
        event = result.get(key)
        if event is None:
            event = result[key] = {
                "place": len(result),
                "new_uid": uuid.uuid4(),
                "network": network,
                "event_key": item.event_key,
                "event_date": item.event_date,
                "event_name": item.event_name,
                **dict.fromkeys(VENUE),
            }
        for name in VENUE:
            if event[name] is None and (value := getattr(item, name)):
                is_province = name == "venue_province"
                event[name] = venue_province(account.country_code, value) if is_province else value
        places.append(event["place"])
    return list(result.values()), places


def _columns(
    account: Account, lines: list[TicketLine], people: Sequence[int], events: Sequence[int]
) -> dict[str, Sequence[object]]:
    """Return the columns of LINE_ARRAYS; `people` and `events` are the places of each line's person and event."""
    tickets = [line.new for line in lines]
    return {
        "person": people,
        "event": events,
        "purchased_at": [each.purchase_timestamp for each in tickets],
        "is_deleted": [line.is_deleted for line in lines],
        "currency": [each.currency or account.currency for each in tickets],
        "network": [each.network or "" for each in tickets],
        **{name: [*map(attrgetter(name), tickets)] for name in PLAIN},
    }
