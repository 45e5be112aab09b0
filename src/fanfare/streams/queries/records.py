"""Reads the records of streams.

A page is read in the order of time positions, up to the settled one, so a reader sees each approved record once. With
filters, the nearest records are tried first; if too few match, the index of terms or places finds the others.
"""

from collections.abc import Mapping
from typing import Any

from fanfare.kernel.callers import Caller
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.paging import ArrayPage, Page, below, part, start
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.wire import unix
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.records import (
    ManagedQuery,
    ManagedRecord,
    OneRecord,
    RecordFilter,
    RecordLink,
    RecordPageMeta,
    StreamRecord,
)
from fanfare.streams.schemas.streams import StreamFacts
from fanfare.streams.schemas.terms import GRAPHIC, TEXT, label_term, network_term, sku_term, words

# Records that are tried one by one before the indexes are used.
NEAR = 2000
# The term of a search for a text without words, which no record has.
NOTHING = "@nothing"
# Authors of these networks have keys that identify people.
HIDDEN_KEYS = "('direct', 'form', 'mail')"
COLUMNS = f"""
    r.feed_record_id, r.record_key, r.props, r.created_at, r.picture_key, r.image_url, r.video_url, r.caption,
    r.network, r.record_url, r.latitude, r.longitude, r.links, r.author_id, r.labels, r.sku, r.time_position,
    r.approved_at, r.record_status, r.stored_at,
    case when r.network in {HIDDEN_KEYS} then null else a.author_key end as author_user_key,
    a.screen_name, a.author_name, a.picture_key as author_picture_key, a.author_status
"""
JOIN = "join stream_authors a on a.account_id = r.account_id and a.author_id = r.author_id"
ONE = f"""
    select {COLUMNS} from stream_records r {JOIN}
    where r.account_id = $1 and r.stream_id = $2 and r.feed_record_id = $3
"""  # noqa: S608 - columns
MANAGED = f"""
    select r.feed_record_id as position, {COLUMNS} from stream_records r {JOIN}
    where r.account_id = $1 and r.stream_id = $2 and r.feed_record_id > $3 and r.feed_record_id < $4
      and ($5::text is null or r.record_status = $5)
    order by r.feed_record_id {{order}} limit $6
"""  # noqa: S608 - columns
SPAN = "r.time_position > :low and r.time_position < :high"
MATCHES = """
    (:terms::text[] is null or r.terms @> :terms) and (:networks::text[] is null or r.terms && :networks)
    and (:south::float8 is null
         or (r.latitude between :south and :north and r.longitude between :west::float8 and :east::float8))
"""
# What an index finds; the others of MATCHES are checked on each match.
BY_TERM = "r.terms @> :terms"
BY_NETWORK = "r.terms && :networks"
BY_PLACE = "r.latitude between :south and :north"
ROW = """
    r.account_id, r.feed_record_id, r.record_key, r.props, r.created_at, r.picture_key, r.image_url, r.video_url,
    r.caption, r.network, r.record_url, r.latitude, r.longitude, r.links, r.author_id, r.labels, r.sku, r.terms,
    r.time_position, r.approved_at, r.record_status, r.stored_at
"""


def _page(source: str, order: str) -> Sql:
    """Return the statement of a page of the records that `source` selects."""
    return Sql(f"""
        with page as materialized (
            select {ROW} from ({source}) as r where {MATCHES} order by r.time_position {order} limit :limit
        )
        select {COLUMNS} from page r {JOIN} order by r.time_position {order}
    """)  # noqa: S608 - constants


def _near(order: str, limit: str) -> str:
    return f"""
        select {ROW} from stream_records r
        where r.account_id = $1 and r.stream_id = :stream_id and {SPAN} order by r.time_position {order} limit {limit}
    """  # noqa: S608 - constants


def _found_by(condition: str) -> str:
    """Return the statement that reads by an index; `offset 0` keeps the order of positions out of the plan."""
    return f"""
        select {ROW} from stream_records r
        where r.account_id = $1 and r.stream_id = :stream_id and {SPAN} and {condition} offset 0
    """  # noqa: S608 - constants


ORDERS = ("asc", "desc")
PLAIN = {order: _page(_near(order, ":limit"), order) for order in ORDERS}
NEAREST = {order: _page(_near(order, str(NEAR)), order) for order in ORDERS}
FAR = {
    (condition, order): _page(_found_by(condition), order)
    for condition in (BY_TERM, BY_NETWORK, BY_PLACE)
    for order in ORDERS
}


async def search(db: Db, account_id: int, query: RecordFilter) -> Page[RecordPageMeta, StreamRecord]:
    """Return a page of approved records; Unknown (404) stream."""
    return await record_page(db, await stream_by_key(db, account_id, query.stream_key), query)


async def record_page(db: Db, stream: StreamFacts, query: RecordFilter) -> Page[RecordPageMeta, StreamRecord]:
    """Return a page of approved records, the newest first, or the oldest first with `min_time_key`."""
    bound = await settled(db, stream.account_id)
    order = "desc" if query.min_time_key is None else "asc"
    limit = query.limit or stream.record_limit
    values = {
        "stream_id": stream.stream_id,
        "low": _position(query.min_time_key) or 0,
        "high": below(_position(query.max_time_key), bound),
        "limit": limit + 1,
        **_filters(query),
    }
    rows = await _rows(db, stream.account_id, values, order)
    data = [StreamRecord(**_fields(row, stream)) for row in rows[:limit]]
    keys = sorted((row["time_position"], _time_key(row)) for row in (rows[0], rows[len(data) - 1])) if data else []
    lowest, highest = (keys[0][1], keys[1][1]) if keys else [query.max_time_key or query.min_time_key] * 2
    meta = RecordPageMeta(
        min_time_key=lowest, max_time_key=highest, row_count=len(data), count=len(data), has_more=len(rows) > limit
    )
    return Page(meta, data)


async def _rows(db: Db, account_id: int, values: Mapping[str, Any], order: str) -> list[Record]:
    by_index = [
        condition
        for name, condition in (("terms", BY_TERM), ("south", BY_PLACE), ("networks", BY_NETWORK))
        if values[name] is not None
    ]
    if not by_index:
        return await db.rows(PLAIN[order], account_id, **values)
    rows = await db.rows(NEAREST[order], account_id, **values)
    if len(rows) == values["limit"]:
        return rows
    # Planned for these values: a plan for any values does not use the index of terms, and reads the whole stream.
    async with db.transaction() as tx:
        await tx.execute("select set_config('plan_cache_mode', 'force_custom_plan', true)")
        return await tx.rows(FAR[by_index[0], order], account_id, **values)


def _filters(query: RecordFilter) -> dict[str, Any]:
    terms = [] if query.q is None else words(query.q) or [NOTHING]
    if query.label_key:
        terms.append(label_term(query.label_key))
    if query.sku:
        terms.append(sku_term(query.sku))
    if query.is_graphic is not None:
        terms.append(GRAPHIC if query.is_graphic else TEXT)
    south, north = _ends(query.start_latitude, query.end_latitude)
    west, east = _ends(query.start_longitude, query.end_longitude)
    return {
        "terms": terms or None,
        "networks": [network_term(each) for each in query.networks] if query.networks else None,
        "south": south,
        "north": north,
        "west": west,
        "east": east,
    }


def _ends(first: float | None, second: float | None) -> tuple[float | None, float | None]:
    return (None, None) if first is None or second is None else (min(first, second), max(first, second))


def _position(time_key: str | None) -> int | None:
    return None if time_key is None else int(time_key.rpartition("_")[2])


def _time_key(row: Record) -> str:
    approved = row["approved_at"]
    return f"{unix(approved)}_{approved.microsecond // 1000:03d}_{row['time_position']}"


def picture_url(account_id: int, picture_key: str | None) -> str | None:
    """Return where we serve a picture."""
    return picture_key and f"{public_address.base}/streams/pictures/{account_id}/{picture_key}"


def _fields(row: Record, stream: StreamFacts) -> dict[str, Any]:
    links = [RecordLink(**link) for link in row["links"]]
    names = (
        "feed_record_id", "record_key", "props", "video_url", "caption", "network", "record_url", "latitude",
        "longitude", "author_id", "author_user_key", "author_name", "author_status", "labels", "sku",
    )  # fmt: skip
    return {
        **{name: row[name] for name in names},
        "stream_key": stream.stream_key,
        "creation_timestamp": unix(row["created_at"]),
        "image_url": picture_url(stream.account_id, row["picture_key"]),
        "src_image_url": row["image_url"],
        "links": links,
        "link_url": links[0].url if links else None,
        "link_name": links[0].name if links else None,
        "author_screen_name": row["screen_name"],
        "author_image_url": picture_url(stream.account_id, row["author_picture_key"]),
        "time_key": _time_key(row) if row["time_position"] else None,
    }


async def record(db: Db, account_id: int, query: OneRecord, caller: Caller) -> StreamRecord:
    """Return one record; Unknown (404), also for one that is not approved if the secret was not sent."""
    stream = await stream_by_key(db, account_id, query.stream_key)
    row = await db.row(ONE, account_id, stream.stream_id, query.feed_record_id)
    if row is None or not (row["time_position"] or caller.has_secret):
        raise Unknown(record=query.feed_record_id)
    return StreamRecord(**_fields(row, stream))


async def managed_records(db: Db, account_id: int, query: ManagedQuery) -> ArrayPage[ManagedRecord]:
    """Return records with their status, the first stored first; Unknown (404) stream."""
    stream = await stream_by_key(db, account_id, query.stream_key)
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    statement = MANAGED.format(order=cursor.order)
    limit = query.limit
    rows = await db.rows(statement, account_id, stream.stream_id, low, high, query.record_status, limit + 1)
    data = [
        ManagedRecord(
            **_fields(row, stream), record_status=row["record_status"], stored_timestamp=unix(row["stored_at"])
        )
        for row in rows[:limit]
    ]
    return ArrayPage(data, part(rows, limit, cursor, "position").next_page)
