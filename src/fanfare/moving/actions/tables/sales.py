"""Sales: ticket events, tickets and purchases."""

import uuid
from collections.abc import Sequence

from fanfare.fans.actions.people import person
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import UNSTORABLE, Db, Record
from fanfare.kernel.errors import Refusal, Unavailable
from fanfare.moving.actions.counts import length_of
from fanfare.moving.actions.erasures import rows_of_people
from fanfare.moving.actions.places import list_place, next_place
from fanfare.moving.actions.rows import dated, earlier, moment, picked, saved
from fanfare.moving.actions.state import Move, Table, own_ids
from fanfare.moving.actions.windows import BEGIN, last_day
from fanfare.moving.schemas import Outcome, Page, Row, params_of
from fanfare.purchases.actions.lines import SUBJECT
from fanfare.purchases.actions.purchases import upsert_purchase
from fanfare.purchases.schemas import NewPurchase
from fanfare.purchases.topics import PURCHASE_MATCHED
from fanfare.tickets.actions.changes import mark_tickets
from fanfare.tickets.actions.events import save_event
from fanfare.tickets.actions.tickets import TicketLine, save_lines
from fanfare.tickets.schemas.events import TicketEventSave
from fanfare.tickets.schemas.tickets import NewTicket

EVENT = (
    "event_name", "event_key", "event_date", "network", "venue_name", "artist_name", "notes", "label_name",
    "event_type", "venue_province",
)  # fmt: skip
TICKET = (
    "paid_amount", "num_seats", "event_date", "event_name", "customer_key", "ticket_key", "price_code", "artist_name",
    "venue_name", "event_key", "network", "order_key", "currency",
)  # fmt: skip
PURCHASE = (
    "purchase_key", "network", "order_key", "merchant_key", "gross_sale_amount", "net_sale_amount", "deduction_amount",
    "location_key", "customer_key", "email", "phone", "province", "city", "product_key", "product_name",
    "product_category", "quantity", "currency",
)  # fmt: skip
TICKETS_OF_PAGE = 1000


async def read_ticket_events(move: Move, _: str | None) -> Page:
    """Return all ticket events."""
    return Page((await move.source.get("/api/v1/crm/tickets/events"))["data"], None)


async def write_ticket_events(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Create ticket events; one with the same key or name here is the same."""
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["event_uid"]))
        outcomes.append(outcome)

        async def create(tx: Db, new: TicketEventSave, row: Row = row) -> uuid.UUID:
            return (
                await save_event(tx, move.account, new, earlier(move.now(), row.get("creation_timestamp")))
            ).event_uid

        await saved(db, TicketEventSave, picked(row, *EVENT), outcome, create)
    return outcomes


async def read_tickets(move: Move, cursor: str | None) -> Page:
    """Return the next tickets, the oldest first, deleted ones too."""
    answer = await move.source.get(
        "/api/v1/crm/tickets", min_ticket_id=cursor or 0, limit=TICKETS_OF_PAGE, include_deleted="true"
    )
    rows = answer["data"]
    return Page(rows, str(answer["meta"]["max_ticket_id"]) if rows else None)


async def write_tickets(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Create tickets of the fans with their addresses; of one that is here only is_deleted changes."""
    present = await own_ids(move, db, "tickets", [row["ticket_id"] for row in rows])
    outcomes = {
        str(row["ticket_id"]): Outcome(str(row["ticket_id"]), present.get(str(row["ticket_id"]))) for row in rows
    }
    marks = {
        int(own_id): row.get("is_deleted") is True for row in rows if (own_id := outcomes[str(row["ticket_id"])].own_id)
    }
    new_rows = [row for row in rows if outcomes[str(row["ticket_id"])].own_id is None]
    new_outcomes = [outcomes[str(row["ticket_id"])] for row in new_rows]
    due = await rows_of_people(move, db, new_rows, new_outcomes)
    contacts = await _contacts(move, db, [fan_id for _, fan_id, _ in due if fan_id is not None])
    for row, fan_id, outcome in due:
        line = _ticket_line(move, row, contacts.get(fan_id), outcome)
        if line is not None:
            await _save_ticket(move, db, line, fan_id, outcome)
    await _mark(move, db, marks)
    return list(outcomes.values())


async def _contacts(move: Move, db: Db, fan_ids: Sequence[int]) -> dict[int | None, Record]:
    """Return address and number of some fans."""
    rows = await db.rows(
        "select fan_id, email, phone from fans where account_id = $1 and fan_id = any($2::bigint[])",
        move.account.id,
        fan_ids,
    )
    return {row["fan_id"]: row for row in rows}


def _ticket_line(move: Move, row: Row, fan: Record | None, outcome: Outcome) -> TicketLine | None:
    """Return the line of a ticket. The names of its fan are not in it: they stay as they are here."""
    contact = {"email": row.get("email"), "phone": None}
    # A fan may have another address now than on the ticket.
    if fan is not None and (fan["email"] or (fan["phone"] and not contact["email"])):
        contact = {"email": fan["email"], "phone": fan["phone"]}
    if not (contact["email"] or contact["phone"]):
        outcome.note("has no fan here with an email address or number")
        return None
    bought_at = dated(outcome, move.now(), row.get("purchase_timestamp"))
    fields = {**picked(row, *TICKET), "purchase_timestamp": bought_at.isoformat()}
    fields["is_deleted"] = row.get("is_deleted") is True
    try:
        # Three fields are mandatory in the call that sells tickets; only those of `profile` are written.
        new = params_of(NewTicket, {**fields, "email": "-", "first_name": "-", "last_name": "-"})
        profile = person(contact, home_country=move.account.country_code)
    except Refusal as refusal:
        outcome.note(refusal.detail)
        return None
    return TicketLine(0, new, profile)


async def _save_ticket(move: Move, db: Db, line: TicketLine, fan_id: int | None, outcome: Outcome) -> None:
    try:
        async with db.transaction() as tx:
            (result,) = await save_lines(tx, move.account, [line], move.now())
            outcome.own_id = str(result.ticket_id)
        if fan_id is not None and result.fan_id != fan_id:
            outcome.note("belongs to another fan here, by its address or number")
    except Unavailable:
        raise
    except Refusal as refusal:
        outcome.note(refusal.detail)
    except UNSTORABLE:
        outcome.note("cannot be stored")


async def _mark(move: Move, db: Db, marks: dict[int, bool]) -> None:
    rows = await db.rows(
        "select ticket_id, is_deleted from tickets where account_id = $1 and ticket_id = any($2::bigint[])",
        move.account.id,
        list(marks),
    )
    flags = {row["ticket_id"]: row["is_deleted"] for row in rows}
    other_marks = {key: marks[key] for key, flag in flags.items() if flag != marks[key]}
    await mark_tickets(db, move.account.id, other_marks, move.now())


async def read_purchases(move: Move, cursor: str | None) -> Page:
    """Return the next purchases; the cursor is a network and the key of a page."""
    networks = [(each,) for each in await source_networks(move)]
    place = list_place(cursor, networks)
    if place is None:
        return Page([], None)
    answer = await move.source.get(
        "/api/v1/crm/purchases",
        network=place.names[0],
        start_date=BEGIN,
        end_date=last_day(move),
        next_purchase_key=place.key,
    )
    return Page(answer["data"], next_place(place, answer["meta"].get("next_purchase_key"), networks))


async def source_networks(move: Move) -> list[str]:
    """Return the networks to ask for purchases: those named for this move, and those that its rows have."""
    rows = await move.db.rows(
        """
        select network from fan_identifiers where account_id = $1 and network not in ('email', 'phone')
        union select network from tickets where account_id = $1 and network <> ''
        union select network from registrations where account_id = $1
        order by 1
        """,
        move.account.id,
    )
    return sorted({*move.options.networks, *(row["network"] for row in rows)})


# Whoever follows the change log has read the purchase without its fan.
LINK = f"""
    with {HOLD},
    linked as (
        update purchases p set fan_id = $4, updated_at = $5
        where p.account_id = $1 and p.network = $2 and p.purchase_key = $3 and p.fan_id is null
        returning p.network, p.purchase_key, p.fan_id
    )
    {announce(PURCHASE_MATCHED, "linked", subject=SUBJECT, at="$5")}
"""  # noqa: S608 - fixed parts


async def write_purchases(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Insert or update purchases by their keys, each of its fan."""
    outcomes = [Outcome(purchase_key(row)) for row in rows]
    for row, fan_id, outcome in await rows_of_people(move, db, rows, outcomes):

        async def upsert(tx: Db, new: NewPurchase, fan_id: int | None = fan_id, outcome: Outcome = outcome) -> str:
            owner = await upsert_purchase(tx, move.account, new, move.now())
            if owner is None and fan_id is not None:
                await tx.execute(LINK, move.account.id, new.network, new.purchase_key, fan_id, move.now())
            elif fan_id is not None and owner != fan_id:
                outcome.note("belongs to another fan here, by its address, number or key")
            return f"{new.network}:{new.purchase_key}"

        bought_at = moment(row.get("order_timestamp")) or moment(row.get("order_timestamp_iso"))
        fields = {**picked(row, *PURCHASE), "country": row.get("country_code")}
        fields["order_timestamp"] = bought_at.isoformat() if bought_at else None
        await saved(db, NewPurchase, fields, outcome, upsert)
    return outcomes


def purchase_key(row: Row) -> str:
    """Return the key of a purchase in an account."""
    return f"{row['network']}:{row['purchase_key']}"


TICKET_EVENTS = Table(
    name="ticket_events",
    key=lambda row: str(row["event_uid"]),
    read=read_ticket_events,
    write=write_ticket_events,
    here="select event_uid::text from ticket_events where account_id = $1",
    count=length_of("/api/v1/crm/tickets/events"),
    fields=frozenset({*EVENT, "event_uid", "creation_timestamp"}),
    left_out={"account_id": "is repeated"},
)
TICKETS = Table(
    name="tickets",
    key=lambda row: str(row["ticket_id"]),
    read=read_tickets,
    write=write_tickets,
    here="select ticket_id::text from tickets where account_id = $1",
    fields=frozenset({*TICKET, "ticket_id", "email", "fan_id", "purchase_timestamp", "is_deleted"}),
    left_out={
        "account_id": "is repeated",
        "event_uid": "follows from key, day and name of the event",
        "last_updated_timestamp": "is computed here",
        **dict.fromkeys(("city", "province", "country_code", "metro_area", "postal_code", "fan"), "is in fans"),
    },
    has_updates=True,
    fan_fields=("fan_id",),
)
PURCHASES = Table(
    name="purchases",
    key=purchase_key,
    read=read_purchases,
    write=write_purchases,
    here="select (network || ':' || purchase_key) from purchases where account_id = $1",
    fields=frozenset({*PURCHASE, "fan_id", "order_timestamp", "order_timestamp_iso", "country_code"}),
    left_out={"account_id": "is repeated"},
    has_updates=True,
    fan_fields=("fan_id",),
)
