"""Makes tickets, one or a batch, with the fans who bought them."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

import msgspec

from fanfare.fans.actions.people import Batch, Person, arguments, batches, person, said_at, text
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.lines import LineFault, WrongLine, line_fault, misfit, sorted_lines, write_lines
from fanfare.kernel.folding import fold
from fanfare.kernel.parameters import Setting
from fanfare.kernel.running.long_inputs import run_by_rows
from fanfare.kernel.wire import check_past
from fanfare.places.provinces import venue_province
from fanfare.tickets.actions.marking import mark_tickets
from fanfare.tickets.actions.selling import EVENTS_GIVEN, LINES_GIVEN, SOLD
from fanfare.tickets.schemas.tickets import (
    BatchSaved,
    BulkTicket,
    NewTicket,
    TicketSaved,
)

SOURCE = "ticket"
FIELD = "tickets"
CONTACT = ("email", "phone", "country_code", "province", "city", "postal_code")
KNOWN = ("first_name", "last_name", "fan_source", "is_subscribed", "is_phone_subscribed")
# What a line is stored with as it comes.
PLAIN = ("num_seats", "paid_amount", "ticket_key", "order_key", "customer_key", "price_code")
Key = tuple[str, str]


class Line(msgspec.Struct):
    """A ticket on its way: its place in the batch, what was asked, who bought it, and what became of it."""

    place: int
    wanted: NewTicket
    who: Person
    is_deleted: bool = False
    saved: TicketSaved | None = None

    @property
    def key(self) -> Key | None:
        """Return what tells the ticket from others, where it has such a key."""
        wanted = self.wanted
        return (wanted.network or "", wanted.ticket_key) if wanted.ticket_key else None


async def create_ticket(db: Db, account: Account, wanted: NewTicket, now: datetime) -> TicketSaved:
    """Make a ticket and, when needed, its fan and its event; one whose ticket_key is known is a duplicate.

    A duplicate writes nothing, but is_deleted: so a ticket is cancelled, or is there again.
    """
    (line,) = await _save(db, account, [_line(account, 0, wanted, now)], now)
    return _result(line)


async def create_tickets(
    db: Db, account: Account, batch: Sequence[BulkTicket | WrongLine], now: datetime
) -> list[BatchSaved]:
    """Make the tickets of a batch and tell of each, in its place, what became of it; an invalid one stops no other."""
    lines, faults = await run_by_rows(account.id, len(batch), _lines, account, batch, now)
    misfits = await write_lines(lines, lambda some: _save(db, account, list(some), now))
    faults += [line_fault(line.place, misfit(FIELD)) for line in misfits]
    wrong = {fault.index: _wrong(fault, batch[fault.index]) for fault in faults}
    right = {line.place: _right(line) for line in lines if line.place not in wrong}
    return [wrong.get(place) or right[place] for place in range(len(batch))]


def _wrong(fault: LineFault, line: BulkTicket | WrongLine) -> BatchSaved:
    key = line.refusal.given.get("ticket_key") if isinstance(line, WrongLine) else line.ticket_key
    return BatchSaved(
        **msgspec.structs.asdict(fault),
        ticket_id=None,
        ticket_key=key,
        fan_id=None,
        status="error",
    )


def _right(line: Line) -> BatchSaved:
    return BatchSaved(index=line.place, **msgspec.structs.asdict(_result(line)))


def _lines(
    account: Account, batch: Sequence[BulkTicket | WrongLine], now: datetime
) -> tuple[list[Line], list[LineFault]]:
    """Return the lines of a batch, and what is wrong with each that is none."""
    return sorted_lines(batch, lambda place, wanted: _line(account, place, wanted, now), Setting(account, now))


def _line(account: Account, place: int, wanted: NewTicket, now: datetime) -> Line:
    check_past(now, purchase_timestamp=wanted.purchase_timestamp)
    contact = {name: getattr(wanted, name) for name in CONTACT}
    known = {name: getattr(wanted, name) for name in KNOWN} | said_at(wanted.purchase_timestamp)
    return Line(place, wanted, person(contact, home_country=account.country_code, **known))


def _result(line: Line) -> TicketSaved:
    if line.saved is None:
        message = "a ticket was neither written nor known"
        raise RuntimeError(message)
    return line.saved


async def _save(db: Db, account: Account, lines: list[Line], now: datetime) -> list[Line]:
    if lines:
        turns = count()
        await db.racing(lambda held: _write(held, account, lines, now, next(turns)))
    return lines


async def _write(db: Db, account: Account, lines: list[Line], now: datetime, turn: int) -> None:
    """Write what is new: one statement, unless the batch contradicts itself or marks tickets that are there."""
    known = await _known(db, account.id, lines)
    fresh = _fresh(lines, known)
    marks = _marks(lines, known)
    parts = list(batches([line.who for line in fresh]))
    if len(parts) + bool(marks) > 1 and not db.in_transaction:
        async with db.transaction() as held:
            await _write_parts(held, account, fresh, parts, now, turn)
            await mark_tickets(held, account.id, marks, now)
    else:
        await _write_parts(db, account, fresh, parts, now, turn)
        await mark_tickets(db, account.id, marks, now)
    first = {line.key: line.saved for line in fresh if line.saved}
    for line in lines:
        if line.saved is None and (saved := first.get(line.key)):
            line.saved = TicketSaved(saved.ticket_id, saved.ticket_key, saved.fan_id, "duplicate")


async def _known(db: Db, account_id: int, lines: list[Line]) -> dict[Key, Record]:
    keys = list({line.key for line in lines if line.key})
    if not keys:
        return {}
    rows = await db.rows(
        """
        select t.network, t.ticket_key, t.ticket_id, t.fan_id, t.is_deleted
        from unnest($2::text[], $3::text[]) as asked (network, ticket_key)
        cross join lateral (
            select network, ticket_key, ticket_id, fan_id, is_deleted from tickets
            where account_id = $1 and ticket_key = asked.ticket_key and network = asked.network limit 1) t
        """,
        account_id,
        [network for network, _ in keys],
        [ticket_key for _, ticket_key in keys],
    )
    return {(row["network"], row["ticket_key"]): row for row in rows}


def _fresh(lines: list[Line], known: dict[Key, Record]) -> list[Line]:
    """Return the lines to be written: of several with one key the first, which heeds the last word on is_deleted."""
    fresh: list[Line] = []
    first: dict[Key, Line] = {}
    for line in lines:
        key, said = line.key, line.wanted.is_deleted
        line.saved, line.is_deleted = None, said or False
        if key and (row := known.get(key)):
            line.saved = TicketSaved(row["ticket_id"], row["ticket_key"], row["fan_id"], "duplicate")
        elif key and key in first:
            first[key].is_deleted = first[key].is_deleted if said is None else said
        else:
            fresh.append(line)
            if key:
                first[key] = line
    return fresh


def _marks(lines: list[Line], known: dict[Key, Record]) -> dict[int, bool]:
    """Return which known tickets are said to be deleted, or to be there again; the last word counts."""
    said = {
        known[line.key]["ticket_id"]: (line.wanted.is_deleted, known[line.key]["is_deleted"])
        for line in lines
        if line.key in known and line.wanted.is_deleted is not None
    }
    return {ticket_id: flag for ticket_id, (flag, was) in said.items() if flag != was}


async def _write_parts(
    db: Db, account: Account, fresh: list[Line], parts: list[Batch], now: datetime, turn: int
) -> None:
    done = 0
    for part in parts:
        lines = fresh[done : done + len(part.places)]
        done += len(part.places)
        events, places = _events(account, lines)
        rows = await db.rows(
            text(SOLD, part.people, turn),
            account.id,
            **arguments(part.people),
            **EVENTS_GIVEN.arguments(events),
            **LINES_GIVEN.arguments(_rows(account, lines, part.places, places)),
            now=now,
            source=SOURCE,
        )
        for line, row in zip(lines, rows, strict=True):
            line.saved = TicketSaved(row["ticket_id"], line.wanted.ticket_key, row["fan_id"], "success")


def _events(account: Account, lines: list[Line]) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the events of a batch, each once, and for each line the place of its own."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    places: list[int] = []
    for line in lines:
        wanted = line.wanted
        network = wanted.network or ""
        by_name = (wanted.event_date, fold(wanted.event_name))
        key = (network, wanted.event_key) if wanted.event_key else by_name
        event = found.setdefault(
            key,
            {
                "place": len(found),
                "fresh_uid": uuid.uuid4(),
                "network": network,
                **{name: getattr(wanted, name) for name in ("event_key", "event_date", "event_name")},
            },
        )
        about = (wanted.venue_name, wanted.artist_name, venue_province(account.country_code, wanted.venue_province))
        for name, value in zip(("venue_name", "artist_name", "venue_province"), about, strict=True):
            event[name] = event.get(name) or value
        places.append(event["place"])
    return list(found.values()), places


def _rows(account: Account, lines: list[Line], people: Sequence[int], events: Sequence[int]) -> list[dict[str, object]]:
    """Return the lines as rows, each with the places of its person and its event."""
    return [
        {
            "person": person_place,
            "event": event_place,
            "purchased_at": line.wanted.purchase_timestamp,
            "is_deleted": line.is_deleted,
            "currency": line.wanted.currency or account.currency,
            "network": line.wanted.network or "",
            **{name: getattr(line.wanted, name) for name in PLAIN},
        }
        for line, person_place, event_place in zip(lines, people, events, strict=True)
    ]
