"""Reads what the index is made of out of the tables: of everybody, or of those who were touched.

What is compared in SQL is computed in SQL here too (`lower`, the postal code's form), so that both mean the same.
"""

from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
import numpy as np

from fanfare.kernel.db import Connection, Record
from fanfare.kernel.wire import day_bounds
from fanfare.places.completion import postal_area
from fanfare.segments.audience.bitmaps import Groups, Numbers, grouped
from fanfare.segments.audience.sold import Sold

ROWS = 20_000
PAGE = 65_536
UNIX_DAY = date(1970, 1, 1).toordinal()
DAY_SECONDS = 86_400
# Between these each zone's bounds can be told.
FIRST_DAY, LAST_DAY = date.min.toordinal() + 3, date.max.toordinal() - 3
# Degrees are kept as whole numbers from 0 on, to a hundred metres.
DEGREES, ORIGIN = 1_000, 1_000


class Days:
    """Tells on which day of a zone a moment lies, by the same bounds as criteria use."""

    def __init__(self, zone: str) -> None:
        """Take the zone."""
        self.zone = zone
        self._starts: dict[int, int] = {}

    def of(self, seconds: Numbers) -> Numbers:
        """Return the ordinals of the days of unix times; NEVER has none."""
        happened = seconds[seconds != NEVER]
        if not happened.size:
            return np.full_like(seconds, -1)
        # No zone is as much as a day away from UTC.
        first = max(int(happened.min()) // DAY_SECONDS + UNIX_DAY - 1, FIRST_DAY)
        last = min(int(happened.max()) // DAY_SECONDS + UNIX_DAY + 1, LAST_DAY)
        starts = np.array([self._start(day) for day in range(first, last + 1)])
        days = first - 1 + np.searchsorted(starts, seconds, side="right")
        return np.where(seconds == NEVER, -1, np.maximum(days, 0))

    def _start(self, day: int) -> int:
        if day not in self._starts:
            self._starts[day] = int(day_bounds(date.fromordinal(day), self.zone)[0].timestamp())
        return self._starts[day]


class Piece(msgspec.Struct):
    """What was read of some fans: who has which value of a facet, which text, and their numbers (-1 for none).

    Or the tickets of some fans. `areas` are the postal areas of some.
    """

    facets: dict[str, Groups] = msgspec.field(default_factory=dict)
    texts: dict[str, tuple[list[str], Numbers]] = msgspec.field(default_factory=dict)
    columns: dict[str, Numbers] = msgspec.field(default_factory=dict)
    fan_ids: Numbers | None = None
    sold: Sold | None = None
    areas: tuple[list[tuple[str, str]], Numbers] | None = None


MOST_ID = 2**63 - 1
# Before any time that is kept.
NEVER = -(2**62)
TEXTS = """
    select f.fan_id, f.gender, f.province, f.country_code, f.metro_area, lower(f.metro_area) as folded_metro_area,
           lower(f.fan_source) as source, f.city, upper(replace(f.postal_code, ' ', '')) as postal_code
    from fans f
    where f.account_id = $1 {among}
"""
# Numbers come as the bytes of whole columns, a page of fans at once: a tenth of the time that rows of them take.
NUMBERS = f"""
    select f.fan_id,
           f.is_subscribed::integer + f.is_optout::integer * 2 + f.is_phone_subscribed::integer * 4
               + (f.email is not null)::integer * 8 + (f.phone is not null)::integer * 16 as flags,
           coalesce(f.birth_date - date '0001-01-01' + 1, -1) as born, coalesce((f.rating * 10)::integer, -1) as rating,
           floor(extract(epoch from f.created_at))::bigint as created,
           floor(extract(epoch from f.updated_at))::bigint as updated,
           coalesce(((f.latitude + {ORIGIN}) * {DEGREES})::bigint, -1) as latitude,
           coalesce(((f.longitude + {ORIGIN}) * {DEGREES})::bigint, -1) as longitude
    from fans f
    where f.account_id = $1 and f.fan_id > $2 {{among}}
    order by f.fan_id limit {PAGE}
"""  # noqa: S608 - constants
ACTIVITY = f"""
    select a.fan_id, floor(extract(epoch from a.first_active_at))::bigint as first_active,
           floor(extract(epoch from a.last_active_at))::bigint as last_active, a.activity_count
    from fan_activity a
    where a.account_id = $1 and a.fan_id > $2 {{among}}
    order by a.fan_id limit {PAGE}
"""  # noqa: S608 - constants
# Tickets by pages of fans, all tickets of each; `sale` numbers a fan's orders, 0 for none.
TICKETS_UPTO = f"""
    select min(last.fan_id) from (
        select f.fan_id from tickets f
        where f.account_id = $1 and f.fan_id > $2 {{among}}
        order by f.fan_id offset {PAGE - 1} limit 1) last
"""  # noqa: S608 - constants
TICKETS = """
    select string_agg(int8send(p.fan_id), ''::bytea) as fan_id, string_agg(uuid_send(p.event_uid), ''::bytea) as event,
           array_agg(p.price_code) as price_code, string_agg(int8send(p.purchased), ''::bytea) as purchased,
           string_agg(int8send(p.seats), ''::bytea) as seats, string_agg(int8send(p.paid), ''::bytea) as paid,
           string_agg(int8send(p.sale), ''::bytea) as sale
    from (
        select f.fan_id, f.event_uid, lower(f.price_code) as price_code,
               floor(extract(epoch from f.purchased_at))::bigint as purchased, f.num_seats::bigint as seats,
               (f.paid_amount * 10000)::bigint as paid,
               case when f.order_key is null then 0
                    else dense_rank() over (partition by f.fan_id order by f.order_key) end as sale
        from tickets f
        where f.account_id = $1 and f.fan_id > $2 and f.fan_id <= $3 and not f.is_deleted {among}
          and exists (select from fans o where o.account_id = $1 and o.fan_id = f.fan_id)
        order by f.fan_id, f.order_key) p
"""
# The ties of fans to something, by pieces of at most 65,536 fans.
TIES = {
    "network": """
        select f.network as value, array_agg(f.fan_id) as fan_ids from fan_identifiers f
        where f.account_id = $1 {among} group by f.network, f.fan_id >> 16
    """,
    "tag": """
        select f.tag_id as value, array_agg(f.fan_id) as fan_ids from fan_tags f
        where f.account_id = $1 {among} group by f.tag_id, f.fan_id >> 16
    """,
    "idol": """
        select f.idol_uid::text as value, array_agg(f.fan_id) as fan_ids from fan_idols f
        where f.account_id = $1 {among} group by f.idol_uid, f.fan_id >> 16
    """,
    "snapshot": """
        select f.snapshot_uid::text as value, array_agg(f.fan_id) as fan_ids from snapshot_members f
        where f.account_id = $1 {among} group by f.snapshot_uid, f.fan_id >> 16
    """,
}

FLAGS = ("subscribed", "optout", "phone_subscribed", "email", "phone")
# What each part of the index consists of; a part is what is read anew together.
FACETS: dict[str, tuple[str, ...]] = {
    "text": (
        "gender",
        "province",
        "country_code",
        "metro_area",
        "folded_metro_area",
        "source",
        "location",
    ),
    "number": ("flag",),
    "activity": (),
    "ticket": (),
    **{name: (name,) for name in TIES},
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "text": ("postal_code",),
    "number": ("born", "rating", "created", "updated", "latitude", "longitude"),
    "activity": ("first_active", "last_active", "activity_count"),
    "ticket": (),
    **dict.fromkeys(TIES, ()),
}
DAYS = frozenset({"created", "first_active", "last_active"})
PARTS = tuple(FACETS)


async def pieces(
    connection: Connection, account_id: int, part: str, days: Days, fan_ids: Sequence[int] | None = None
) -> AsyncIterator[Piece]:
    """Yield what a part of the index holds of some fans, or of everybody; must run in a transaction."""
    if part in ("number", "activity"):
        async for row in _pages(connection, account_id, part, fan_ids):
            yield _numbers(row, days)
        return
    if part == "ticket":
        async for row in _ticket_pages(connection, account_id, fan_ids):
            yield Piece(sold=_sold(row, days))
        return
    among = "" if fan_ids is None else "and f.fan_id = any($2::bigint[])"
    sql, rows = (TEXTS, ROWS) if part == "text" else (TIES[part], 8)
    args = (account_id,) if fan_ids is None else (account_id, fan_ids)
    cursor = await connection.cursor(sql.format(among=among), *args)
    while found := await cursor.fetch(rows):
        yield _texts(found) if part == "text" else Piece({part: _ties(found)})


async def _pages(
    connection: Connection, account_id: int, part: str, fan_ids: Sequence[int] | None
) -> AsyncIterator[Record]:
    """Yield the numbers of fans by pages, each column as one text of bytes."""
    names = ["fan_id", *(("flags",) if part == "number" else ()), *COLUMNS[part]]
    among = "" if fan_ids is None else "and fan_id = any($3::bigint[])"
    inner = (NUMBERS if part == "number" else ACTIVITY).format(among=among)
    columns = ", ".join(f"string_agg(int8send({name}), ''::bytea) as {name}" for name in names)
    last = 0
    while True:
        args = (account_id, last) if fan_ids is None else (account_id, last, fan_ids)
        row = await connection.fetchrow(f"select max(fan_id) as last, {columns} from ({inner}) page", *args)  # noqa: S608 - fixed texts
        if row is None or row["last"] is None:
            return
        yield row
        last = row["last"]


async def _ticket_pages(
    connection: Connection, account_id: int, fan_ids: Sequence[int] | None
) -> AsyncIterator[Record]:
    last: int | None = 0
    given = () if fan_ids is None else (fan_ids,)
    while last is not None:
        among = "" if fan_ids is None else "and f.fan_id = any($3::bigint[])"
        upto = await connection.fetchval(TICKETS_UPTO.format(among=among), account_id, last, *given)
        among = "" if fan_ids is None else "and f.fan_id = any($4::bigint[])"
        bound = MOST_ID if upto is None else upto
        row = await connection.fetchrow(TICKETS.format(among=among), account_id, last, bound, *given)
        if row is not None and row["fan_id"] is not None:
            yield row
        last = upto


def _sold(row: Record, days: Days) -> Sold:
    uids = row["event"]
    numbers = {name: _whole(row[name]) for name in ("fan_id", "purchased", "seats", "paid", "sale")}
    numbers["purchased"] = days.of(numbers["purchased"])
    return Sold([uids[at : at + 16] for at in range(0, len(uids), 16)], row["price_code"], numbers)


def _whole(sent: bytes) -> Numbers:
    return np.frombuffer(sent, dtype=">i8").astype(np.int64)


def _numbers(row: Record, days: Days) -> Piece:
    read = {name: _whole(row[name]) for name in dict(row) if name != "last"}
    fan_ids = read.pop("fan_id")
    piece = Piece(fan_ids=fan_ids)
    flags = read.pop("flags", None)
    if flags is not None:
        groups: Groups = {}
        for place, name in enumerate(FLAGS):
            having = fan_ids[(flags >> place) & 1 == 1]
            groups[name] = array("I", having.astype(np.uint32).tobytes())
        piece.facets["flag"] = groups
    piece.columns = {name: days.of(read[name]) if name in DAYS else read[name] for name in read}
    return piece


def _texts(rows: list[Record]) -> Piece:
    by_name = dict(zip(rows[0].keys(), zip(*rows, strict=True), strict=True))
    ids = by_name["fan_id"]
    # In the order in which statistics sort places with as many fans.
    located = zip(*(by_name[name] for name in ("city", "country_code", "province")), strict=True)
    places = (each if each[0] is not None else None for each in located)
    facets = {name: grouped(by_name[name], ids) for name in FACETS["text"] if name in by_name}
    coded = [(code, fan_id) for code, fan_id in zip(by_name["postal_code"], ids, strict=True) if code is not None]
    texts = {"postal_code": ([code for code, _ in coded], np.array([fan_id for _, fan_id in coded], dtype=np.int64))}
    return Piece({**facets, "location": grouped(places, ids)}, texts, areas=_areas(by_name))


def _areas(by_name: Mapping[str, tuple[Any, ...]]) -> tuple[list[tuple[str, str]], Numbers]:
    """Return the postal areas of those fans who have one, and their ids."""
    columns = zip(by_name["country_code"], by_name["postal_code"], by_name["fan_id"], strict=True)
    known = [(country, code, fan_id) for country, code, fan_id in columns if country and code]
    areas = [(country, postal_area(country, code)) for country, code, _ in known]
    return areas, np.array([fan_id for _, _, fan_id in known], dtype=np.int64)


def _ties(rows: list[Record]) -> Groups:
    groups: Groups = {}
    for value, fan_ids in rows:
        groups.setdefault(value, array("I")).extend(fan_ids)
    return groups
