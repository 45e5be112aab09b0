"""Reads the content of the index from the tables: of all fans, or of some.

Values that SQL conditions compare are computed in SQL here too (`fold_text`, postal codes), so that both agree.
"""

import asyncio
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date
from functools import partial
from typing import Generic, TypeVar

import msgspec
import numpy as np

from fanfare.audience.index.bitmaps import Groups, Numbers
from fanfare.audience.index.places import ORIGIN, SCALE
from fanfare.audience.index.tickets import TicketRows
from fanfare.kernel.data.db import Connection, Record
from fanfare.kernel.wire import day_bounds
from fanfare.places.completion import postal_area

ROWS = 20_000
PAGE = 65_536
UNIX_DAY = date(1970, 1, 1).toordinal()
DAY_SECONDS = 86_400
# Days whose bounds are within the range of datetime in every time zone.
FIRST_DAY, LAST_DAY = date.min.toordinal() + 3, date.max.toordinal() - 3


Kind = TypeVar("Kind")
Fetched = TypeVar("Fetched")


class Days:
    """Converts unix times to days of a time zone, by the same bounds as the SQL of criteria."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._starts: dict[int, int] = {}

    def ordinals(self, seconds: Numbers) -> Numbers:
        """Return the ordinals of the days of unix times (seconds); -1 for NEVER."""
        valid = seconds[seconds != NEVER]
        if not valid.size:
            return np.full_like(seconds, -1)
        # Local days differ from UTC days by at most one.
        first = max(int(valid.min()) // DAY_SECONDS + UNIX_DAY - 1, FIRST_DAY)
        last = min(int(valid.max()) // DAY_SECONDS + UNIX_DAY + 1, LAST_DAY)
        starts = np.array([self._start(day) for day in range(first, last + 1)])
        days = first - 1 + np.searchsorted(starts, seconds, side="right")
        return np.where(seconds == NEVER, -1, np.maximum(days, 0))

    def _start(self, day: int) -> int:
        if day not in self._starts:
            self._starts[day] = int(day_bounds(date.fromordinal(day), self.zone)[0].timestamp())
        return self._starts[day]


class Runs(msgspec.Struct, Generic[Kind]):
    """Values of fans, run-length encoded: the first value is that of the first `counts[0]` ids, and so on."""

    values: list[Kind]
    counts: list[int]
    fan_ids: Numbers


class Batch(msgspec.Struct):
    """Data of some fans: sets by value (`facets`), texts, and columns of numbers of the `fan_ids` (-1: no value).

    `tickets` are the fans' tickets, `areas` their postal areas, `spots` the latitudes and longitudes of the `fan_ids`.
    """

    facets: dict[str, Groups] = msgspec.field(default_factory=dict)
    texts: dict[str, Runs[str]] = msgspec.field(default_factory=dict)
    columns: dict[str, Numbers] = msgspec.field(default_factory=dict)
    fan_ids: Numbers | None = None
    tickets: TicketRows | None = None
    areas: Runs[tuple[str, str]] | None = None
    spots: tuple[Numbers, Numbers] | None = None


# A statement, the number of rows to fetch at once, and the function that converts them.
Reading = tuple[str, int, Callable[[list[Record]], Batch]]
# The unix time of "no time": before any time in the database.
NEVER = -(2**62)
# One row for all fans with the same texts.
TEXTS = """
    select f.gender, f.province, fold_text(f.province) as folded_province, f.country_code, f.metro_area,
           fold_text(f.metro_area) as folded_metro_area, fold_text(f.fan_source) as source, f.city,
           string_agg(int8send(f.fan_id), ''::bytea) as fan_ids
    from fans f
    where f.account_id = $1 {among}
    group by 1, 2, 3, 4, 5, 6, 7, 8
"""
POSTAL_CODES = """
    select f.country_code, replace(f.postal_code, ' ', '') as postal_code,
           string_agg(int8send(f.fan_id), ''::bytea) as fan_ids
    from fans f
    where f.account_id = $1 and f.postal_code is not null {among}
    group by 1, 2
"""
# Numbers are fetched as the bytes of whole columns, a page of fans at a time: ten times faster than rows.
NUMBERS = f"""
    select f.fan_id,
           f.is_subscribed::integer + f.is_optout::integer * 2 + f.is_phone_subscribed::integer * 4
               + (f.email is not null)::integer * 8 + (f.phone is not null)::integer * 16 as flags,
           coalesce(f.birth_date - date '0001-01-01' + 1, -1) as born, coalesce((f.rating * 10)::integer, -1) as rating,
           floor(extract(epoch from f.created_at))::bigint as created,
           floor(extract(epoch from f.updated_at))::bigint as updated,
           coalesce(((f.latitude + {ORIGIN}) * {SCALE})::bigint, -1) as latitude,
           coalesce(((f.longitude + {ORIGIN}) * {SCALE})::bigint, -1) as longitude
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
# Identifies the order of a ticket, by a hash with a new random seed for each statement, so that callers cannot produce
# collisions. The order keys, which tickets/queries/stats.py compares, take four times as long to sort.
ORDER = """hashtextextended(
    order_key, hashtextextended(network, (select hashtextextended(gen_random_uuid()::text, 0))))"""
# One row for the tickets of each block of 2^14 fans. `sale` is the hash of the order, 0 for none.
TICKETS = f"""
    select string_agg(int8send(p.fan_id), ''::bytea) as fan_id, string_agg(uuid_send(p.event_uid), ''::bytea) as event,
           array_agg(p.price_code) as price_code, string_agg(int8send(p.purchased), ''::bytea) as purchased,
           string_agg(int8send(p.seats), ''::bytea) as seats, string_agg(int8send(p.paid), ''::bytea) as paid,
           string_agg(int8send(p.sale), ''::bytea) as sale
    from (
        select f.fan_id, f.event_uid, fold_text(f.price_code) as price_code,
               floor(date_part('epoch', f.purchased_at))::bigint as purchased, f.num_seats::bigint as seats,
               (f.paid_amount * 10000)::bigint as paid, coalesce({ORDER}, 0) as sale
        from tickets f
        where f.account_id = $1 and f.fan_id is not null and not f.is_deleted {{among}}) p
    group by p.fan_id >> 14
"""  # noqa: S608 - constants
# Values of which a fan may have several: one row for each value and block of 65,536 fans.
VALUES = {
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
# The facets and columns of each part of the index. The data of a part are always read together.
FACETS: dict[str, tuple[str, ...]] = {
    "text": (
        "gender",
        "province",
        "folded_province",
        "country_code",
        "metro_area",
        "folded_metro_area",
        "source",
        "location",
    ),
    "number": ("flag",),
    "activity": (),
    "ticket": (),
    **{name: (name,) for name in VALUES},
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "text": ("postal_code",),
    "number": ("born", "rating", "created", "updated"),
    "activity": ("first_active", "last_active", "activity_count"),
    "ticket": (),
    **dict.fromkeys(VALUES, ()),
}
DAYS = frozenset({"created", "first_active", "last_active"})
ALL_PARTS = tuple(FACETS)


async def batches(
    connection: Connection, account_id: int, part: str, days: Days, fan_ids: Sequence[int] | None = None
) -> AsyncIterator[Batch]:
    """Yield the data of a part for some fans, or for all; must run in a transaction."""
    if part in ("number", "activity"):
        async for row in _pages(connection, account_id, part, fan_ids):
            yield _numbers(row, days)
        return
    condition = "" if fan_ids is None else "and f.fan_id = any($2::bigint[])"
    args = (account_id,) if fan_ids is None else (account_id, fan_ids)
    if part == "ticket":
        # Hash aggregation would keep the blocks of all fans in memory at once.
        await connection.fetchval("select set_config('enable_hashagg', 'off', true)")
        reads: tuple[Reading, ...] = ((TICKETS, 1, lambda rows: Batch(tickets=_ticket_rows(rows[0], days))),)
    elif part == "text":
        reads = ((TEXTS, ROWS, _texts), (POSTAL_CODES, ROWS, _postal_codes))
    else:
        reads = ((VALUES[part], 8, lambda rows: Batch({part: _value_groups(rows)})),)
    for sql, row_count, convert in reads:
        cursor = await connection.cursor(sql.format(among=condition), *args)
        async for rows in _prefetched(partial(cursor.fetch, row_count)):
            yield convert(rows)
    if part == "ticket":
        await connection.fetchval("select set_config('enable_hashagg', 'on', true)")


async def _pages(
    connection: Connection, account_id: int, part: str, fan_ids: Sequence[int] | None
) -> AsyncIterator[Record]:
    """Yield the numbers of fans by pages: each column as the bytes of big-endian 64-bit integers."""
    names = ["fan_id", *COLUMNS[part], *(("flags", "latitude", "longitude") if part == "number" else ())]
    condition = "" if fan_ids is None else "and fan_id = any($3::bigint[])"
    inner = (NUMBERS if part == "number" else ACTIVITY).format(among=condition)
    columns = ", ".join(f"string_agg(int8send({name}), ''::bytea) as {name}" for name in names)
    last = 0

    async def page() -> Record | None:
        nonlocal last
        args = (account_id, last) if fan_ids is None else (account_id, last, fan_ids)
        row = await connection.fetchrow(f"select max(fan_id) as last, {columns} from ({inner}) page", *args)  # noqa: S608 - fixed texts
        if row is None or row["last"] is None:
            return None
        last = row["last"]
        return row

    async for row in _prefetched(page):
        yield row


async def _prefetched(fetch: Callable[[], Awaitable[Fetched | None]]) -> AsyncIterator[Fetched]:
    """Yield the results of `fetch` until one is empty; the next is fetched while the caller processes the last."""
    next_batch = asyncio.ensure_future(fetch())
    try:
        while batch := await next_batch:
            next_batch = asyncio.ensure_future(fetch())
            # Let the task send its request before the caller starts to compute.
            await asyncio.sleep(0)
            yield batch
    finally:
        next_batch.cancel()


def _ticket_rows(row: Record, days: Days) -> TicketRows:
    numbers = {name: _from_bytes(row[name]) for name in ("fan_id", "purchased", "seats", "paid", "sale")}
    numbers["purchased"] = days.ordinals(numbers["purchased"])
    order = np.lexsort((numbers["sale"], numbers["fan_id"]))
    numbers = {name: column[order] for name, column in numbers.items()}
    numbers["sale"] = _numbered(numbers["fan_id"], numbers["sale"])
    events = np.frombuffer(row["event"], "V16")[order]
    return TicketRows(events, [row["price_code"][place] for place in order], numbers)


def _numbered(fan_ids: Numbers, sales: Numbers) -> Numbers:
    """Return the orders of each fan numbered from 1 on, 0 for no order. The arguments are sorted by fan and order."""
    is_first = np.ones(sales.size, np.bool_)
    is_first[1:] = fan_ids[1:] != fan_ids[:-1]
    is_new = is_first.copy()
    is_new[1:] |= sales[1:] != sales[:-1]
    positions = is_new.cumsum()
    offsets = np.maximum.accumulate(np.where(is_first, positions - 1, 0))
    return np.where(sales == 0, 0, positions - offsets)


def _from_bytes(data: bytes) -> Numbers:
    return np.frombuffer(data, dtype=">i8").astype(np.int64)


def _numbers(row: Record, days: Days) -> Batch:
    read = {name: _from_bytes(row[name]) for name in dict(row) if name != "last"}
    fan_ids = read.pop("fan_id")
    batch = Batch(fan_ids=fan_ids)
    flags = read.pop("flags", None)
    if flags is not None:
        groups: Groups = {}
        for place, name in enumerate(FLAGS):
            members = fan_ids[(flags >> place) & 1 == 1]
            groups[name] = array("I", members.astype(np.uint32).tobytes())
        batch.facets["flag"] = groups
        batch.spots = (read.pop("latitude"), read.pop("longitude"))
    batch.columns = {name: days.ordinals(read[name]) if name in DAYS else read[name] for name in read}
    return batch


def _texts(rows: list[Record]) -> Batch:
    facets: dict[str, Groups] = {name: {} for name in FACETS["text"]}
    for row in rows:
        fan_ids = array("I", _from_bytes(row["fan_ids"]).astype(np.uint32).tobytes())
        # The order of the parts is that in which statistics sort places with equal counts.
        place = None if row["city"] is None else (row["city"], row["country_code"], row["province"])
        for name, groups in facets.items():
            value = place if name == "location" else row[name]
            if value is not None:
                groups.setdefault(value, array("I")).extend(fan_ids)
    return Batch(facets)


def _postal_codes(rows: list[Record]) -> Batch:
    postal_rows = [row for row in rows if row["country_code"] and row["postal_code"]]
    areas = [(row["country_code"], postal_area(row["country_code"], row["postal_code"])) for row in postal_rows]
    codes = [row["postal_code"] for row in rows]
    return Batch(texts={"postal_code": _runs(codes, rows)}, areas=_runs(areas, postal_rows))


def _runs(values: list[Kind], rows: Sequence[Record]) -> Runs[Kind]:
    counts = [len(row["fan_ids"]) // 8 for row in rows]
    return Runs(values, counts, _from_bytes(b"".join(row["fan_ids"] for row in rows)))


def _value_groups(rows: list[Record]) -> Groups:
    groups: Groups = {}
    for row in rows:
        groups.setdefault(row["value"], array("I")).extend(row["fan_ids"])
    return groups
