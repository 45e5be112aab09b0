"""Imports the box office's history on the day of the fill: who bought which tickets, when and for how much."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from random import Random
from typing import NamedTuple

from fanfare.demo.copying import copy_rows
from fanfare.demo.shares import Shares
from fanfare.demo.shows import Level, Show, shows
from fanfare.kernel.data.announcements import also, announce, hold
from fanfare.kernel.data.db import Db
from fanfare.tickets.topics import TICKET_CREATED, TICKET_EVENT_CREATED

TableRow = tuple[object, ...]
Report = Callable[[str, float], None]
NETWORK = "ticketing"
EVENT_COLUMNS = """account_id event_uid network event_key event_name event_date venue_name venue_province artist_name
event_type created_at updated_at""".split()  # noqa: SIM905 - the table's columns
TICKET_COLUMNS = """account_id ticket_id fan_id event_uid purchased_at created_at updated_at num_seats is_deleted
paid_amount currency network ticket_key order_key customer_key price_code""".split()  # noqa: SIM905 - the table's columns
# Weights of the number of seats in an order.
SEATS = Shares([(24, 1), (48, 2), (13, 3), (15, 4)])
CANCELLED_RATE, SECOND_LEVEL_RATE, REMOTE_RATE, FIRST_DAY_RATE = 0.015, 0.12, 0.2, 0.4
# The provinces near a hall.
NEAR = {"BC": ("BC",), "WA": ("WA", "BC"), "OR": ("OR", "WA"), "ON": ("ON", "QC")}
# Doors open at seven in the evening, as a time in GMT.
DOORS = time(2, 0)

# The rows of the change log that the endpoints would have inserted.
NEXT_POSITION = "nextval('positions')"
ANNOUNCE = f"""
    {announce(TICKET_CREATED, "tickets where account_id = $1", position="ticket_id", at="created_at")}
    {also(TICKET_EVENT_CREATED, "ticket_events where account_id = $1", position=NEXT_POSITION, at="created_at")}
"""


class Buyers(NamedTuple):
    """Potential buyers: all fans, by province, by tag, and their keys in the ticketing network."""

    all_fans: list[int]
    by_province: Mapping[str, list[int]]
    by_tag: Mapping[str, list[int]]
    keys: Mapping[int, str]

    def pick(self, show: Show, chance: Random) -> Iterator[int]:
        """Yield the fans who buy tickets for an event."""
        if show.tag:
            yield from (fan_id for fan_id in self.by_tag[show.tag] if chance.random() < show.share)
            return
        near = [fan_id for province in NEAR[show.hall.province] for fan_id in self.by_province[province]]
        for _ in range(int(show.share * len(self.all_fans))):
            pool = self.all_fans if chance.random() < REMOTE_RATE or not near else near
            yield pool[int(len(pool) * chance.random() ** 1.5)]


class SeatLine(NamedTuple):
    """A line of an order."""

    purchased_at: datetime
    fan_id: int
    show: Show
    level: Level
    seats: int
    order: int
    place: int
    is_deleted: bool


async def import_tickets(db: Db, account_id: int, now: datetime, seed: int, report: Report) -> int:
    """Sell the tickets of two seasons to the fans of an account, in the caller's transaction; return their number."""
    chance = Random(seed)  # noqa: S311 - reproducible sample data
    programme = shows(now.date())
    buyers = await _buyers(db, account_id)
    lines = list(_lines(programme, buyers, now, chance))
    # Ids are in order of purchase.
    lines.sort(key=lambda line: line.purchased_at)
    uids = {show.key: uuid.UUID(int=chance.getrandbits(128), version=4) for show in programme}
    ids = await _positions(db, account_id, len(lines))
    events = [_event(account_id, now, show, uids[show.key]) for show in programme]
    tickets = [
        _ticket(line, (account_id, ticket_id, line.fan_id, uids[line.show.key]), now, buyers.keys.get(line.fan_id))
        for ticket_id, line in zip(ids, lines, strict=True)
    ]
    async with db.connection() as connection:
        await copy_rows(connection, "ticket_events", EVENT_COLUMNS, events, report)
        if tickets:
            await copy_rows(connection, "tickets", TICKET_COLUMNS, tickets, report)
    await db.execute(ANNOUNCE, account_id)
    return len(tickets)


async def _positions(db: Db, account_id: int, count: int) -> list[int]:
    await hold(db, account_id)
    sql = "select array(select nextval('positions') from generate_series(1, $1::bigint))"
    positions: list[int] = await db.value(sql, count)
    return positions


async def _buyers(db: Db, account_id: int) -> Buyers:
    rows = await db.rows(
        """
        select f.fan_id, f.province, i.identifier_value
        from fans f
        left join fan_identifiers i on i.account_id = $1 and i.fan_id = f.fan_id and i.network = $2
        where f.account_id = $1 order by f.fan_id
        """,
        account_id,
        NETWORK,
    )
    records = await db.rows(
        """
        select t.tag_name, g.fan_id from fan_tags g join tags t on t.account_id = $1 and t.tag_id = g.tag_id
        where g.account_id = $1 order by g.fan_id, t.tag_name
        """,
        account_id,
    )
    by_province, by_tag = defaultdict(list), defaultdict(list)
    for row in rows:
        by_province[row["province"]].append(row["fan_id"])
    for row in records:
        by_tag[row["tag_name"]].append(row["fan_id"])
    keys = {row["fan_id"]: row["identifier_value"] for row in rows if row["identifier_value"]}
    return Buyers([row["fan_id"] for row in rows], by_province, by_tag, keys)


def _lines(programme: Sequence[Show], buyers: Buyers, now: datetime, chance: Random) -> Iterator[SeatLine]:
    order = 0
    levels = {show.hall: Shares((level.share, level) for level in show.hall.levels) for show in programme}
    for show in programme:
        for fan_id in buyers.pick(show, chance):
            purchased_at = _moment(show, now, chance)
            if purchased_at is None:
                continue
            order += 1
            is_deleted = chance.random() < CANCELLED_RATE
            count = 2 if chance.random() < SECOND_LEVEL_RATE and len(show.hall.levels) > 1 else 1
            picks = {levels[show.hall].pick(chance) for _ in range(count)}
            for place, level in enumerate(sorted(picks), 1):
                seats = 1 if show.event_type == "season" else SEATS.pick(chance)
                yield SeatLine(purchased_at, fan_id, show, level, seats, order, place, is_deleted)


def _moment(show: Show, now: datetime, chance: Random) -> datetime | None:
    """Return the time of a purchase: many right at the start, most in the last weeks. None if it is in the future."""
    doors = datetime.combine(show.day + timedelta(days=1), DOORS, now.tzinfo)
    share = (
        1 - min(chance.expovariate(12), 1.0) if chance.random() < FIRST_DAY_RATE else min(chance.expovariate(4), 1.0)
    )
    moment = doors - timedelta(days=show.on_sale_days) * share - timedelta(hours=1)
    return moment.replace(microsecond=0) if moment < now else None


def _event(account_id: int, now: datetime, show: Show, event_uid: uuid.UUID) -> TableRow:
    return (
        account_id,
        event_uid,
        NETWORK,
        show.key,
        show.name,
        show.day,
        show.hall.name,
        show.hall.province,
        show.artist,
        show.event_type,
        now,
        now,
    )


def _ticket(line: SeatLine, ids: tuple[int, int, int, uuid.UUID], now: datetime, customer_key: str | None) -> TableRow:
    hall = line.show.hall
    return (
        *ids,
        line.purchased_at,
        now,
        now,
        line.seats,
        line.is_deleted,
        line.level.price * line.seats,
        hall.currency,
        NETWORK,
        f"{line.order}-{line.place}",
        str(line.order),
        customer_key,
        line.level.code,
    )
