"""What the ticket criteria of a search ask of a fan.

All of them speak of the same tickets: a fan who has a ticket of that event at that price, so many of them.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.search.queries.where import Criterion
from fanfare.search.schemas.search import Criteria
from fanfare.tickets.queries.stats import SALES, SEATS


class EventsAsked(msgspec.Struct, frozen=True):
    """Which ticket events are meant; names folded, provinces in every way they may be stored."""

    event_name: str | None
    venue_name: str | None
    artist_name: str | None
    provinces: tuple[str, ...] | None
    start: date | None
    end: date | None


Events = Mapping[EventsAsked, list[uuid.UUID]]
# Names that no event has, by the criterion that gives them.
MissingNames = Mapping[EventsAsked, dict[str, str]]
MOST = 2**31


def events_asked(wanted: Criteria, provinces: list[str] | None) -> EventsAsked | None:
    """Return which events the criteria name, or None when they name none; provinces as they may be stored."""
    asked = EventsAsked(
        _folded(wanted.ticket_event_name),
        _folded(wanted.ticket_venue_name),
        _folded(wanted.ticket_artist_name),
        tuple(provinces) if provinces else None,
        wanted.ticket_start_event_date,
        wanted.ticket_end_event_date,
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


class Bought(msgspec.Struct, frozen=True):
    """When: from a moment (included) to a moment (not included); either may be open."""

    start: datetime | None
    end: datetime | None


HELD = "select from tickets t where t.account_id = $1 and t.fan_id = f.fan_id and not t.is_deleted"
# Grouped for all fans at once: in the order of the index that takes no sorting, and a page stops early.
COUNTED = """select from (
        select t.fan_id from tickets t where t.account_id = $1 and not t.is_deleted{tickets}
        group by t.fan_id having {counts}
    ) counted where counted.fan_id = f.fan_id"""
Part = tuple[str, object]


def criterion(wanted: Criteria, bought: Bought, event_uids: list[uuid.UUID] | None) -> Criterion | None:
    """Return what the ticket criteria ask, or None when none is given; `event_uids` are the events named, if any."""
    tickets, counted = _tickets(wanted, bought, event_uids), counts(wanted)
    if not tickets and not counted:
        return None
    narrowed = "".join(f" and {sql}" for sql, _ in tickets)
    is_turned = turned(counted)
    if counted:
        having = " and ".join(f"{sql} between {{}} and {{}}" for sql, _, _ in counted)
        found = COUNTED.format(tickets=narrowed, counts=f"not ({having})" if is_turned else having)
    else:
        found = HELD + narrowed
    values = [value for _, value in tickets] + [bound for _, least, most in counted for bound in (least, most)]
    return Criterion(f"{'not ' if is_negated(wanted) else ''}exists ({found})", tuple(values))


def is_negated(wanted: Criteria) -> bool:
    """Tell whether fans are meant who do not have the tickets that are described."""
    return wanted.ticket_is_negative != turned(counts(wanted))


def _tickets(wanted: Criteria, bought: Bought, event_uids: list[uuid.UUID] | None) -> list[Part]:
    """Return the conditions on a ticket, each with its value."""
    lowest, highest = wanted.ticket_seat_price_min, wanted.ticket_seat_price_max
    parts: tuple[Part, ...] = (
        ("t.event_uid = any({}::uuid[])", event_uids),
        ("fold_text(t.price_code) = {}", _folded(wanted.ticket_price_code)),
        ("t.purchased_at >= {}", bought.start),
        ("t.purchased_at < {}", bought.end),
        # A line without seats has no price a seat.
        ("t.num_seats > 0 and t.paid_amount >= {}::numeric * t.num_seats", lowest),
        ("t.num_seats > 0 and t.paid_amount <= {}::numeric * t.num_seats", highest),
    )
    return [(sql, value) for sql, value in parts if value is not None]


def turned(counted: Sequence[tuple[str, int, int]]) -> bool:
    """Tell whether none at all is enough: then those are left out who have some and yet not the right number."""
    return bool(counted) and all(least == 0 for _, least, _ in counted)


def counts(wanted: Criteria) -> list[tuple[str, int, int]]:
    """Return what is counted, the least and the most; who has none is meant only when that is said."""
    asked = (
        (SEATS, wanted.ticket_seat_count_min, wanted.ticket_seat_count_max),
        (SALES, wanted.ticket_sales_count_min, wanted.ticket_sales_count_max),
    )
    return [
        (sql, min(1, MOST if most is None else most) if least is None else least, MOST if most is None else most)
        for sql, least, most in asked
        if least is not None or most is not None
    ]
