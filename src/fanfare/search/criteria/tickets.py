"""Criteria on tickets. Together they describe the same tickets: their events, prices, days, and how many there are."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, NamedTuple

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.kernel.wire import Day, Flag, IntegerForm, Money, Text, Texts
from fanfare.search.criteria.activity import Days
from fanfare.search.criteria.criterion import Context, Joint, Lookup, Phrase, References
from fanfare.search.criteria.facts import TICKET
from fanfare.search.criteria.idols import IdolCriteria
from fanfare.search.criteria.place import province_keys
from fanfare.search.criteria.plans import ALL_FANS, MAX_PRICE, HasTickets, Not, Plan, TicketCount
from fanfare.search.criteria.where import Condition
from fanfare.tickets.queries.stats import SALES, SEATS

Number = Annotated[int, IntegerForm(0, 1_000_000)]
# More than any count of tickets: the upper bound where none is given.
MAX_TICKETS = 2**31


class EventQuery(msgspec.Struct, frozen=True):
    """Which ticket events to find: folded names, all spellings of provinces, and days; None is no bound."""

    event_name: str | None
    venue_name: str | None
    artist_name: str | None
    provinces: tuple[str, ...] | None
    start: date | None
    end: date | None


class EventMatches(msgspec.Struct, frozen=True):
    """The matching ticket events. If there are none, `missing_names` has by parameter the names that no event has."""

    uids: list[uuid.UUID]
    missing_names: dict[str, str] = {}


def event_query(criteria: "TicketCriteria", country_code: str | None) -> EventQuery | None:
    """Return which ticket events criteria describe, or None when they have no criteria on events."""
    provinces = criteria.ticket_venue_provinces
    query = EventQuery(
        _folded(criteria.ticket_event_name),
        _folded(criteria.ticket_venue_name),
        _folded(criteria.ticket_artist_name),
        tuple(province_keys(provinces, country_code)) if provinces else None,
        criteria.ticket_start_event_date,
        criteria.ticket_end_event_date,
    )
    return None if query == EventQuery(None, None, None, None, None, None) else query


def _folded(name: str | None) -> str | None:
    return fold(name) if name else None


async def event_uids(db: Db, account_id: int, query: EventQuery) -> list[uuid.UUID]:
    """Return the uids of the matching events."""
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
        *(getattr(query, name) for name in EventQuery.__struct_fields__),
    )
    return [row["event_uid"] for row in rows]


async def missing_names(db: Db, account_id: int, query: EventQuery) -> dict[str, str]:
    """Return by parameter the names of events, venues and artists that no event has."""
    rows = await db.rows(
        """
        select q.parameter, q.name
        from (values ('ticket_event_name', $2::text), ('ticket_venue_name', $3), ('ticket_artist_name', $4))
             as q (parameter, name)
        where q.name is not null and not exists (
            select from ticket_events e
            where e.account_id = $1 and q.name = case q.parameter
                when 'ticket_event_name' then fold_text(e.event_name)
                when 'ticket_venue_name' then fold_text(e.venue_name)
                else fold_text(e.artist_name) end)
        """,
        account_id,
        query.event_name,
        query.venue_name,
        query.artist_name,
    )
    return {row["parameter"]: row["name"] for row in rows}


async def _find_events(db: Db, account_id: int, queries: Sequence[EventQuery]) -> dict[EventQuery, EventMatches]:
    uids_by_query = {each: await event_uids(db, account_id, each) for each in queries}
    return {
        each: EventMatches(uids, {} if uids else await missing_names(db, account_id, each))
        for each, uids in uids_by_query.items()
    }


EVENT_LOOKUP = Lookup["TicketCriteria", EventQuery, EventMatches](
    keys=lambda criteria, country_code: [query] if (query := event_query(criteria, country_code)) else [],
    find=_find_events,
)


def _matching_events(criteria: "TicketCriteria", context: Context) -> EventMatches | None:
    query = event_query(criteria, context.country_code)
    return context.results(EVENT_LOOKUP)[query] if query else None


HAS_TICKET = "select from tickets t where t.account_id = $1 and t.fan_id = f.fan_id and not t.is_deleted"
# Groups the tickets of all fans in the order of an index: without sorting, and a search page can stop early.
HAS_TICKET_COUNT = """select from (
        select t.fan_id from tickets t where t.account_id = $1 and not t.is_deleted{tickets}
        group by t.fan_id having {counts}
    ) counted where counted.fan_id = f.fan_id"""
Part = tuple[str, object]


def _condition(criteria: "TicketCriteria", context: Context) -> Sequence[Condition]:
    tickets, counts = _ticket_conditions(criteria, context), count_bounds(criteria)
    if not tickets and not counts:
        return []
    ticket_sql = "".join(f" and {sql}" for sql, _ in tickets)
    if counts:
        having = " and ".join(f"{each.sql} between {{}} and {{}}" for each in counts)
        sql = HAS_TICKET_COUNT.format(tickets=ticket_sql, counts=f"not ({having})" if is_inverted(counts) else having)
    else:
        sql = HAS_TICKET + ticket_sql
    values = [value for _, value in tickets] + [bound for each in counts for bound in (each.minimum, each.maximum)]
    return [Condition(f"{'not ' if is_negated(criteria) else ''}exists ({sql})", tuple(values))]


def is_negated(criteria: "TicketCriteria") -> bool:
    """Return whether the criteria select fans without the described tickets."""
    return criteria.ticket_is_negative != is_inverted(count_bounds(criteria))


def _first_day(criteria: "TicketCriteria", today: date) -> date | None:
    """Return the first day of purchase, or None for any day."""
    days, first = criteria.ticket_purchased_days, criteria.ticket_start_purchase_date
    return max((each for each in (first, None if days is None else today - timedelta(days=days)) if each), default=None)


def _ticket_conditions(criteria: "TicketCriteria", context: Context) -> list[Part]:
    """Return the conditions on a ticket, each with its value."""
    events = _matching_events(criteria, context)
    first, last = _first_day(criteria, context.today), criteria.ticket_end_purchase_date
    lowest, highest = criteria.ticket_seat_price_min, criteria.ticket_seat_price_max
    parts: tuple[Part, ...] = (
        ("t.event_uid = any({}::uuid[])", events.uids if events else None),
        ("fold_text(t.price_code) = {}", _folded(criteria.ticket_price_code)),
        ("t.purchased_at >= {}", context.start_of(first) if first else None),
        ("t.purchased_at < {}", context.end_of(last) if last else None),
        # A ticket without seats has no price per seat.
        ("t.num_seats > 0 and t.paid_amount >= {}::numeric * t.num_seats", lowest),
        ("t.num_seats > 0 and t.paid_amount <= {}::numeric * t.num_seats", highest),
    )
    return [(sql, value) for sql, value in parts if value is not None]


class CountBounds(NamedTuple):
    """Bounds of a count per fan: its SQL and its column in the index."""

    sql: str
    column: str
    minimum: int
    maximum: int


def is_inverted(counts: Sequence[CountBounds]) -> bool:
    """Return whether all counts may be 0.

    Then fans without tickets meet the criteria, and SQL selects those who do not: fans with tickets outside the bounds.
    """
    return bool(counts) and all(each.minimum == 0 for each in counts)


def count_bounds(criteria: "TicketCriteria") -> list[CountBounds]:
    """Return the bounds of the counts that criteria have. A fan without tickets meets them only if one is 0."""
    bounds = (
        (SEATS, "seats", criteria.ticket_seat_count_min, criteria.ticket_seat_count_max),
        (SALES, "sale", criteria.ticket_sales_count_min, criteria.ticket_sales_count_max),
    )
    result = []
    for sql, column, minimum, maximum in bounds:
        if minimum is not None or maximum is not None:
            highest = MAX_TICKETS if maximum is None else maximum
            result.append(CountBounds(sql, column, min(1, highest) if minimum is None else minimum, highest))
    return result


def _plan(criteria: "TicketCriteria", context: Context) -> Plan | None:
    first, last = _first_day(criteria, context.today), criteria.ticket_end_purchase_date
    lowest, highest = _ten_thousandths(criteria.ticket_seat_price_min), _ten_thousandths(criteria.ticket_seat_price_max)
    if any(abs(each) > MAX_PRICE for each in (lowest, highest) if each is not None):
        return None
    counts = count_bounds(criteria)
    events = _matching_events(criteria, context)
    plan = HasTickets(
        [uid.hex for uid in events.uids] if events else None,
        fold(criteria.ticket_price_code) if criteria.ticket_price_code else None,
        first.toordinal() if first else None,
        last.toordinal() + 1 if last else None,
        lowest,
        highest,
        [TicketCount(each.column, each.minimum, each.maximum) for each in counts],
        is_inverted(counts),
    )
    if plan == HasTickets():
        return ALL_FANS
    return Not(plan) if is_negated(criteria) else plan


def _ten_thousandths(amount: Decimal | None) -> int | None:
    """Return an amount in ten-thousandths, the precision of amounts."""
    return None if amount is None else int(amount.scaleb(4))


def _missing(criteria: "TicketCriteria", context: Context, is_excluded: bool) -> Iterable[tuple[str, str]]:  # noqa: FBT001 - as in Joint
    events = _matching_events(criteria, context)
    if events and (is_excluded or is_negated(criteria)):
        yield from ((name, f"matches no ticket event: {each}") for name, each in events.missing_names.items())


TICKETS = Joint["TicketCriteria"](
    label="tickets",
    opening="{ticket_is_negative} tickets",
    condition=_condition,
    reads=(TICKET,),
    shows="""(select jsonb_build_object('ticket_count', count(*), 'seat_count', coalesce(sum(t.num_seats), 0))
        from tickets t where t.account_id = $1 and t.fan_id = f.fan_id and not t.is_deleted)""",
    plan=_plan,
    lookups=(EVENT_LOOKUP,),
    missing=_missing,
)


EVENT_NAME = References(
    {"ticket_event_name": "{}"},
    {
        "ticket_event_name": """
            select event_name as key, event_name as name from ticket_events
            where account_id = $1 and fold_text(event_name) like $2 and ($3::text[] is null or event_name = any($3))
            group by event_name order by max(event_date) desc, event_name limit $4
        """
    },
)
VENUE_NAME = References(
    {"ticket_venue_name": "{}"},
    {
        "ticket_venue_name": """
            select venue_name as key, venue_name as name from ticket_events
            where account_id = $1 and fold_text(venue_name) like $2 and ($3::text[] is null or venue_name = any($3))
            group by venue_name order by count(*) desc, venue_name limit $4
        """
    },
)
ARTIST_NAME = References(
    {"ticket_artist_name": "{}"},
    {
        "ticket_artist_name": """
            select artist_name as key, artist_name as name from ticket_events
            where account_id = $1 and fold_text(artist_name) like $2 and ($3::text[] is null or artist_name = any($3))
            group by artist_name order by count(*) desc, artist_name limit $4
        """
    },
)
# Events belong to no one business, and their names neither.
OF_ALL_BUSINESSES = frozenset({*EVENT_NAME.forms, *VENUE_NAME.forms, *ARTIST_NAME.forms})
HAVE = {"false": "have", "true": "do not have"}


class TicketCriteria(IdolCriteria):
    """Adds the criteria on tickets."""

    ticket_event_name: Annotated[
        Text | None, "Holds a ticket for this event", TICKETS, EVENT_NAME, Phrase("for the event {}")
    ] = None
    ticket_price_code: Annotated[
        Text | None, "Holds a ticket of this price level", TICKETS, Phrase("of the price level {}")
    ] = None
    ticket_start_purchase_date: Annotated[
        Day | None, "Bought a ticket on or after this day", TICKETS, Phrase("bought on {} or later")
    ] = None
    ticket_end_purchase_date: Annotated[
        Day | None, "Bought a ticket on or before this day", TICKETS, Phrase("bought on {} or earlier")
    ] = None
    ticket_venue_name: Annotated[
        Text | None, "Holds a ticket for this venue", TICKETS, VENUE_NAME, Phrase("at the venue {}")
    ] = None
    ticket_venue_provinces: Annotated[
        Texts | None, "Holds a ticket for a venue in one of these provinces", TICKETS, Phrase("in the province {}")
    ] = None
    ticket_purchased_days: Annotated[
        Days | None, "Bought a ticket in the last N days", TICKETS, Phrase("bought in the last {} days")
    ] = None
    ticket_artist_name: Annotated[
        Text | None, "Holds a ticket for this artist", TICKETS, ARTIST_NAME, Phrase("with the artist {}")
    ] = None
    ticket_start_event_date: Annotated[
        Day | None, "Holds a ticket for an event on or after this day", TICKETS, Phrase("for {} or later")
    ] = None
    ticket_end_event_date: Annotated[
        Day | None, "Holds a ticket for an event on or before this day", TICKETS, Phrase("for {} or earlier")
    ] = None
    ticket_seat_price_min: Annotated[
        Money | None, "Paid at least this much per seat", TICKETS, Phrase("for at least {} a seat")
    ] = None
    ticket_seat_price_max: Annotated[
        Money | None, "Paid at most this much per seat", TICKETS, Phrase("for at most {} a seat")
    ] = None
    ticket_seat_count_min: Annotated[
        Number | None,
        "Bought at least this many seats; 0 includes fans with none",
        TICKETS,
        Phrase("at least {} seats"),
    ] = None
    ticket_seat_count_max: Annotated[
        Number | None,
        "Bought at least one and at most this many seats; 0 means none",
        TICKETS,
        Phrase("at most {} seats"),
    ] = None
    ticket_sales_count_min: Annotated[
        Number | None,
        "Bought at least this many times; 0 includes fans who never did",
        TICKETS,
        Phrase("in at least {} purchases"),
    ] = None
    ticket_sales_count_max: Annotated[
        Number | None,
        "Bought at least once and at most this many times; 0 means never",
        TICKETS,
        Phrase("in at most {} purchases"),
    ] = None
    ticket_is_negative: Annotated[
        Flag, "Negates the ticket criteria: fans who do not meet all of them", TICKETS, Phrase("{}", HAVE)
    ] = False
