"""Criteria on tickets. All speak of the same tickets: for such an event, at such a price, so many of them."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.kernel.wire import Day, Flag, Money, Text, Texts, WholeForm
from fanfare.search.criteria.activity import Days
from fanfare.search.criteria.criterion import Context, Joint, Lookup, References
from fanfare.search.criteria.facts import TICKET
from fanfare.search.criteria.idols import IdolCriteria
from fanfare.search.criteria.place import province_keys
from fanfare.search.criteria.plans import EVERYBODY, MOST_PRICE, Count, Plan, SoldTo, Without
from fanfare.search.criteria.where import Condition
from fanfare.tickets.queries.stats import SALES, SEATS

Number = Annotated[int, WholeForm(0, 1_000_000)]
MOST = 2**31


class EventsAsked(msgspec.Struct, frozen=True):
    """Which ticket events are meant; names folded, provinces in every way they may be stored."""

    event_name: str | None
    venue_name: str | None
    artist_name: str | None
    provinces: tuple[str, ...] | None
    start: date | None
    end: date | None


class Events(msgspec.Struct, frozen=True):
    """The ticket events that are meant; where there are none, the names that no event has, by their parameter."""

    uids: list[uuid.UUID]
    missing_names: dict[str, str] = {}


def events_asked(criteria: "TicketCriteria", country_code: str | None) -> EventsAsked | None:
    """Return which ticket events criteria name, if any."""
    provinces = criteria.ticket_venue_provinces
    asked = EventsAsked(
        _folded(criteria.ticket_event_name),
        _folded(criteria.ticket_venue_name),
        _folded(criteria.ticket_artist_name),
        tuple(province_keys(provinces, country_code)) if provinces else None,
        criteria.ticket_start_event_date,
        criteria.ticket_end_event_date,
    )
    return None if asked == EventsAsked(None, None, None, None, None, None) else asked


def _folded(name: str | None) -> str | None:
    return fold(name) if name else None


async def events(db: Db, account_id: int, asked: EventsAsked) -> list[uuid.UUID]:
    """Return the events that are meant."""
    rows = await db.rows(
        """
        select event_uid from ticket_events
        where account_id = $1 and ($2::text is null or fold_text(event_name) = $2)
          and ($3::text is null or fold_text(venue_name) = $3) and ($4::text is null or fold_text(artist_name) = $4)
          and ($5::text[] is null or fold_text(venue_province) = any($5))
          and ($6::date is null or event_date >= $6) and ($7::date is null or event_date <= $7)
        order by event_uid
        """,
        account_id,
        *(getattr(asked, name) for name in EventsAsked.__struct_fields__),
    )
    return [row["event_uid"] for row in rows]


async def missing_names(db: Db, account_id: int, asked: EventsAsked) -> dict[str, str]:
    """Return those of the names of events, venues and artists that no event has, by the criterion that gives them."""
    rows = await db.rows(
        """
        select given.criterion, given.name
        from (values ('ticket_event_name', $2::text), ('ticket_venue_name', $3), ('ticket_artist_name', $4))
             as given (criterion, name)
        where given.name is not null and not exists (
            select from ticket_events e
            where e.account_id = $1 and given.name = case given.criterion
                when 'ticket_event_name' then fold_text(e.event_name)
                when 'ticket_venue_name' then fold_text(e.venue_name)
                else fold_text(e.artist_name) end)
        """,
        account_id,
        asked.event_name,
        asked.venue_name,
        asked.artist_name,
    )
    return {row["criterion"]: row["name"] for row in rows}


async def _events(db: Db, account_id: int, asked: Sequence[EventsAsked]) -> dict[EventsAsked, Events]:
    found = {each: await events(db, account_id, each) for each in asked}
    return {
        each: Events(uids, {} if uids else await missing_names(db, account_id, each)) for each, uids in found.items()
    }


EVENTS = Lookup["TicketCriteria", EventsAsked, Events](
    keys=lambda criteria, country_code: [asked] if (asked := events_asked(criteria, country_code)) else [],
    find=_events,
)


def _events_of(criteria: "TicketCriteria", context: Context) -> Events | None:
    asked = events_asked(criteria, context.country_code)
    return context.named(EVENTS)[asked] if asked else None


HELD = "select from tickets t where t.account_id = $1 and t.fan_id = f.fan_id and not t.is_deleted"
# Grouped for all fans at once: in the order of the index that takes no sorting, and a page stops early.
COUNTED = """select from (
        select t.fan_id from tickets t where t.account_id = $1 and not t.is_deleted{tickets}
        group by t.fan_id having {counts}
    ) counted where counted.fan_id = f.fan_id"""
Part = tuple[str, object]


def _condition(criteria: "TicketCriteria", context: Context) -> Sequence[Condition]:
    tickets, counted = _tickets(criteria, context), counts(criteria)
    if not tickets and not counted:
        return []
    narrowed = "".join(f" and {sql}" for sql, _ in tickets)
    is_turned = turned(counted)
    if counted:
        having = " and ".join(f"{sql} between {{}} and {{}}" for sql, _, _ in counted)
        found = COUNTED.format(tickets=narrowed, counts=f"not ({having})" if is_turned else having)
    else:
        found = HELD + narrowed
    values = [value for _, value in tickets] + [bound for _, least, most in counted for bound in (least, most)]
    return [Condition(f"{'not ' if is_negated(criteria) else ''}exists ({found})", tuple(values))]


def is_negated(criteria: "TicketCriteria") -> bool:
    """Tell whether fans are meant who do not have the tickets that are described."""
    return criteria.ticket_is_negative != turned(counts(criteria))


def _first_day(criteria: "TicketCriteria", today: date) -> date | None:
    """Return the day from which on a ticket was bought."""
    days, first = criteria.ticket_purchased_days, criteria.ticket_start_purchase_date
    return max((each for each in (first, None if days is None else today - timedelta(days=days)) if each), default=None)


def _tickets(criteria: "TicketCriteria", context: Context) -> list[Part]:
    """Return the conditions on a ticket, each with its value."""
    events, first, last = (
        _events_of(criteria, context),
        _first_day(criteria, context.today),
        criteria.ticket_end_purchase_date,
    )
    lowest, highest = criteria.ticket_seat_price_min, criteria.ticket_seat_price_max
    parts: tuple[Part, ...] = (
        ("t.event_uid = any({}::uuid[])", events.uids if events else None),
        ("fold_text(t.price_code) = {}", _folded(criteria.ticket_price_code)),
        ("t.purchased_at >= {}", context.start_of(first) if first else None),
        ("t.purchased_at < {}", context.end_of(last) if last else None),
        # A line without seats has no price a seat.
        ("t.num_seats > 0 and t.paid_amount >= {}::numeric * t.num_seats", lowest),
        ("t.num_seats > 0 and t.paid_amount <= {}::numeric * t.num_seats", highest),
    )
    return [(sql, value) for sql, value in parts if value is not None]


def turned(counted: Sequence[tuple[str, int, int]]) -> bool:
    """Tell whether none at all is enough: then those are left out who have some and yet not the right number."""
    return bool(counted) and all(least == 0 for _, least, _ in counted)


def counts(criteria: "TicketCriteria") -> list[tuple[str, int, int]]:
    """Return what is counted, the least and the most; who has none is meant only when that is said."""
    asked = (
        (SEATS, criteria.ticket_seat_count_min, criteria.ticket_seat_count_max),
        (SALES, criteria.ticket_sales_count_min, criteria.ticket_sales_count_max),
    )
    return [
        (sql, min(1, MOST if most is None else most) if least is None else least, MOST if most is None else most)
        for sql, least, most in asked
        if least is not None or most is not None
    ]


def _plan(criteria: "TicketCriteria", context: Context) -> Plan | None:
    first, last = _first_day(criteria, context.today), criteria.ticket_end_purchase_date
    lowest, highest = _whole(criteria.ticket_seat_price_min), _whole(criteria.ticket_seat_price_max)
    if any(abs(each) > MOST_PRICE for each in (lowest, highest) if each is not None):
        return None
    counted = counts(criteria)
    events = _events_of(criteria, context)
    asked = SoldTo(
        [uid.hex for uid in events.uids] if events else None,
        fold(criteria.ticket_price_code) if criteria.ticket_price_code else None,
        first.toordinal() if first else None,
        last.toordinal() + 1 if last else None,
        lowest,
        highest,
        [Count("seats" if sql == SEATS else "sale", least, most) for sql, least, most in counted],
        turned(counted),
    )
    if asked == SoldTo():
        return EVERYBODY
    return Without(asked) if is_negated(criteria) else asked


def _whole(amount: Decimal | None) -> int | None:
    """Return an amount in ten thousandths: that is how exactly amounts are read."""
    return None if amount is None else int(amount.scaleb(4))


def _missing(criteria: "TicketCriteria", context: Context, is_excluded: bool) -> Iterable[tuple[str, str]]:  # noqa: FBT001 - as declared
    events = _events_of(criteria, context)
    if events and (is_excluded or is_negated(criteria)):
        yield from ((name, f"matches no ticket event: {each}") for name, each in events.missing_names.items())


TICKETS = Joint["TicketCriteria"](
    label="tickets",
    condition=_condition,
    reads=(TICKET,),
    shows="""(select jsonb_build_object('ticket_count', count(*), 'seat_count', coalesce(sum(t.num_seats), 0))
        from tickets t where t.account_id = $1 and t.fan_id = f.fan_id and not t.is_deleted)""",
    plan=_plan,
    lookups=(EVENTS,),
    missing=_missing,
)


class TicketCriteria(IdolCriteria):
    """Which tickets the fan has, too."""

    ticket_event_name: Annotated[
        Text | None, "Holds a ticket for this event", TICKETS, References({"ticket_event_name": "{}"})
    ] = None
    ticket_price_code: Annotated[Text | None, "Holds a ticket of this price level", TICKETS] = None
    ticket_start_purchase_date: Annotated[Day | None, "Bought a ticket on or after this day", TICKETS] = None
    ticket_end_purchase_date: Annotated[Day | None, "Bought a ticket on or before this day", TICKETS] = None
    ticket_venue_name: Annotated[
        Text | None, "Holds a ticket for this venue", TICKETS, References({"ticket_venue_name": "{}"})
    ] = None
    ticket_venue_provinces: Annotated[Texts | None, "Holds a ticket for a venue in one of these provinces", TICKETS] = (
        None
    )
    ticket_purchased_days: Annotated[Days | None, "Bought a ticket in the last N days", TICKETS] = None
    ticket_artist_name: Annotated[
        Text | None, "Holds a ticket for this artist", TICKETS, References({"ticket_artist_name": "{}"})
    ] = None
    ticket_start_event_date: Annotated[Day | None, "Holds a ticket for an event on or after this day", TICKETS] = None
    ticket_end_event_date: Annotated[Day | None, "Holds a ticket for an event on or before this day", TICKETS] = None
    ticket_seat_price_min: Annotated[Money | None, "Paid at least this much per seat", TICKETS] = None
    ticket_seat_price_max: Annotated[Money | None, "Paid at most this much per seat", TICKETS] = None
    ticket_seat_count_min: Annotated[
        Number | None, "Bought at least this many seats; 0 includes fans with none", TICKETS
    ] = None
    ticket_seat_count_max: Annotated[
        Number | None, "Bought at least one and at most this many seats; 0 means none", TICKETS
    ] = None
    ticket_sales_count_min: Annotated[
        Number | None, "Bought at least this many times; 0 includes fans who never did", TICKETS
    ] = None
    ticket_sales_count_max: Annotated[
        Number | None, "Bought at least once and at most this many times; 0 means never", TICKETS
    ] = None
    ticket_is_negative: Annotated[Flag, "Negates the ticket criteria: fans who do not meet all of them", TICKETS] = (
        False
    )
