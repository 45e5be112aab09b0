"""Reads the records of streams.

A page is read in the order of time positions, up to the settled one, so a reader sees each approved record once.
"""

from collections.abc import Mapping
from typing import Any

from fanfare.kernel.callers import Caller
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.paging import ArrayPage, Page, below, part, start
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import unix
from fanfare.streams.queries.pages import COLUMNS, JOIN, LAST_SLICES, combines_indexes, page_statement
from fanfare.streams.queries.pictures import picture_url
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.records import (
    ManagedQuery,
    ManagedRecord,
    OneRecord,
    RecordFilter,
    RecordLink,
    RecordPageMeta,
    Status,
    StreamRecord,
)
from fanfare.streams.schemas.streams import StreamFacts
from fanfare.streams.schemas.terms import GRAPHIC, TEXT, label_term, network_term, sku_term, words

# The term of a search for a text without words, which no record has.
NOTHING = "@nothing"
ONE = f"""
    select {COLUMNS} from stream_records r {JOIN}
    where r.account_id = $1 and r.stream_id = $2 and r.feed_record_id = $3
"""  # noqa: S608 - columns
MANAGED = f"""
    select r.feed_record_id as position, {COLUMNS} from stream_records r {JOIN}
    where r.account_id = $1 and r.stream_id = $2 and r.feed_record_id > $3 and r.feed_record_id < $4 {{condition}}
      and ($6::text is null or r.network = $6) and ($7::text is null or $7 = any(r.labels))
      and ($8::bigint is null or r.author_id = $8)
    order by r.feed_record_id {{order}} limit $5
"""  # noqa: S608 - columns
# What a search without a key goes through for a page: 262,144 records.
PUBLIC_SLICES = 64
# A plan for any values takes every box for a small one, and reads all records of a large one instead of combining the
# indexes.
COMBINE_INDEXES = "select set_config('plan_cache_mode', 'force_custom_plan', true)"
# Written out, since records that are not approved have an index of their own.
STATUS_CONDITIONS: Mapping[Status | None, str] = {
    None: "",
    "approved": "and r.record_status = 'approved'",
    "waiting": "and r.record_status = 'waiting'",
    "removed": "and r.record_status = 'removed'",
}


async def search(db: Db, account_id: int, query: RecordFilter) -> Page[RecordPageMeta, StreamRecord]:
    """Return a page of approved records; Unknown (404) stream."""
    return await record_page(db, await stream_by_key(db, account_id, query.stream_key), query)


async def public_page(db: Db, stream: StreamFacts, query: RecordFilter) -> Page[RecordPageMeta, StreamRecord]:
    """Return a page for anybody. A search ends after some slices, with the key where the next one goes on."""
    return await record_page(db, stream, query, PUBLIC_SLICES)


async def record_page(
    db: Db, stream: StreamFacts, query: RecordFilter, slice_count: int | None = None
) -> Page[RecordPageMeta, StreamRecord]:
    """Return a page of approved records, the newest first, or the oldest first with `min_time_key`."""
    bound = await settled(db, stream.account_id)
    order = "desc" if query.min_time_key is None else "asc"
    limit = query.limit or stream.record_limit
    filters = _filters(query)
    low, high = _position(query.min_time_key) or 0, below(_position(query.max_time_key), bound)
    end_key = None
    if filters and slice_count:
        low, high, end_key = await _shortened(db, stream, (low, high), order, slice_count)
    values = {"stream_id": stream.stream_id, "low": low, "high": high, "limit": limit + 1, **filters}
    rows = await _rows(db, stream.account_id, values, order)
    data = [StreamRecord(**_fields(row, stream)) for row in rows[:limit]]
    keys = sorted((row["time_position"], _time_key(row)) for row in (rows[0], rows[len(data) - 1])) if data else []
    lowest, highest = (keys[0][1], keys[1][1]) if keys else [query.max_time_key or query.min_time_key] * 2
    has_more = len(rows) > limit
    if end_key and not has_more:
        has_more = True
        lowest, highest = (lowest, end_key) if order == "asc" else (end_key, highest)
    meta = RecordPageMeta(
        min_time_key=lowest, max_time_key=highest, row_count=len(data), count=len(data), has_more=has_more
    )
    return Page(meta, data)


async def _shortened(
    db: Db, stream: StreamFacts, span: tuple[int, int], order: str, slice_count: int
) -> tuple[int, int, str | None]:
    """Return the span of the first slices of a span, and the key where the next page goes on if there are more."""
    low, high = span
    rows = await db.rows(LAST_SLICES[order], stream.account_id, stream.stream_id, low, high, slice_count)
    if len(rows) < 2:  # noqa: PLR2004 - the last one and one more
        return low, high, None
    last, next_position = (row["slice_position"] for row in rows)
    # A record of a slice may be where the next one begins.
    return (low, next_position + 1, f"0_000_{next_position}") if order == "asc" else (last, high, f"0_000_{last + 1}")


async def _rows(db: Db, account_id: int, values: Mapping[str, Any], order: str) -> list[Record]:
    statement = page_statement(values, order)
    if not combines_indexes(values.keys()):
        return await db.rows(statement, account_id, **values)
    async with db.transaction() as tx:
        await tx.execute(COMBINE_INDEXES)
        return await tx.rows(statement, account_id, **values)


def _filters(query: RecordFilter) -> dict[str, Any]:
    terms = [] if query.q is None else words(query.q) or [NOTHING]
    if query.label_key:
        terms.append(label_term(query.label_key))
    if query.sku:
        terms.append(sku_term(query.sku))
    if query.is_graphic is not None:
        terms.append(GRAPHIC if query.is_graphic else TEXT)
    networks = [network_term(each) for each in query.networks or []]
    if len(networks) == 1:
        terms += networks
    lists = {"terms": terms, "networks": networks if len(networks) > 1 else []}
    return {**{name: value for name, value in lists.items() if value}, **_box(query)}


def _box(query: RecordFilter) -> dict[str, float]:
    corners = (query.start_latitude, query.end_latitude, query.start_longitude, query.end_longitude)
    south, north, west, east = corners
    if south is None or north is None or west is None or east is None:
        return {}
    return {"south": min(south, north), "north": max(south, north), "west": min(west, east), "east": max(west, east)}


def _position(time_key: str | None) -> int | None:
    return None if time_key is None else int(time_key.rpartition("_")[2])


def _time_key(row: Record) -> str:
    approved = row["approved_at"]
    return f"{unix(approved)}_{approved.microsecond // 1000:03d}_{row['time_position']}"


def _fields(row: Record, stream: StreamFacts) -> dict[str, Any]:
    links = [RecordLink(**link) for link in row["links"]]
    is_shown = row["time_position"] is not None
    names = (
        "feed_record_id", "record_key", "props", "video_url", "caption", "network", "record_url", "latitude",
        "longitude", "author_id", "author_user_key", "author_name", "author_status", "labels", "sku",
    )  # fmt: skip
    return {
        **{name: row[name] for name in names},
        "stream_key": stream.stream_key,
        "creation_timestamp": unix(row["created_at"]),
        "image_url": picture_url(stream.account_id, row["picture_key"], is_shown=is_shown),
        "src_image_url": row["image_url"],
        "links": links,
        "link_url": links[0].url if links else None,
        "link_name": links[0].name if links else None,
        "author_screen_name": row["screen_name"],
        "author_image_url": picture_url(stream.account_id, row["author_picture_key"], is_shown=is_shown),
        "time_key": _time_key(row) if is_shown else None,
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
    cursor = start(query.cursor, query.order)
    low, high = cursor.span(await settled(db, account_id))
    statement = MANAGED.format(order=cursor.order, condition=STATUS_CONDITIONS[query.record_status])
    limit = query.limit
    filters = (query.network, query.label_key, query.author_id)
    rows = await db.rows(statement, account_id, stream.stream_id, low, high, limit + 1, *filters)
    data = [_managed(row, stream) for row in rows[:limit]]
    return ArrayPage(data, part(rows, limit, cursor, "position").next_page)


async def managed_record(db: Db, account_id: int, query: OneRecord) -> ManagedRecord:
    """Return one record with its status; Unknown (404)."""
    stream = await stream_by_key(db, account_id, query.stream_key)
    row = await db.row(ONE, account_id, stream.stream_id, query.feed_record_id)
    if row is None:
        raise Unknown(record=query.feed_record_id)
    return _managed(row, stream)


def _managed(row: Record, stream: StreamFacts) -> ManagedRecord:
    return ManagedRecord(
        **_fields(row, stream), record_status=row["record_status"], stored_timestamp=unix(row["stored_at"])
    )
