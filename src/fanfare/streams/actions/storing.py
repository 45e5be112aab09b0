"""Stores entries as records of a stream, and decides which are published at once.

The row of the stream is locked first, so that the limit of each author holds however many submit at the same time.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from fanfare.accounts.queries import account_by_id
from fanfare.fans.actions.names import name_rules
from fanfare.fans.display_names import NameRules, has_refused_word
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.jobs import enqueue
from fanfare.streams.actions.counting import additions, count
from fanfare.streams.actions.slices import add_to_slice, lock_stream, take_slice
from fanfare.streams.schemas.entries import CLAIMED_NETWORKS, Entry, Origin
from fanfare.streams.schemas.records import Status
from fanfare.streams.schemas.streams import StreamFacts
from fanfare.streams.schemas.terms import terms
from fanfare.streams.topics import STREAM_RECORD_CREATED

HOUR = timedelta(hours=1)
# The job of pictures, which stands above.
COPY_PICTURES = "streams.copy_pictures"
# Sources name any time; what is older or later than these is taken for the nearest.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

SAVE_AUTHORS = f"""
    with {HOLD},
    saved as (
        insert into stream_authors as a (
            account_id, author_id, stream_id, network, author_key, screen_name, author_name, author_url,
            author_image_url, author_status, fan_id, stored_count, approved_count, created_at)
        select $1, nextval('positions'), $2, $3, e.author_key, e.screen_name, e.author_name, e.author_url,
               e.author_image_url, 'new', e.fan_id, 0, 0, $5
        from hold cross join (
            select * from jsonb_to_recordset($4::jsonb) as e (
                author_key text, screen_name text, author_name text, author_url text, author_image_url text,
                fan_id bigint)
            order by author_key) as e
        on conflict (account_id, stream_id, network, author_key) do update
        set screen_name = case when $6 then a.screen_name else excluded.screen_name end,
            author_name = case when $6 then coalesce(a.author_name, excluded.author_name)
                               else excluded.author_name end,
            author_url = excluded.author_url, author_image_url = excluded.author_image_url,
            picture_key = case when a.author_image_url is distinct from excluded.author_image_url then null
                               else a.picture_key end,
            fan_id = coalesce(a.fan_id, excluded.fan_id)
        returning a.author_id
    )
    select author_id from saved
"""  # noqa: S608 - fixed parts
# A statement of its own: it sees what others stored until the rows were locked. It counts up to the limit, since
# everybody without a name is one author.
LOCKED_AUTHORS = """
    select a.author_id, a.author_key, a.author_status, a.approved_count, a.fan_id,
           case when $4::text is null then (
               select count(*) from (
                   select from stream_records r
                   where r.account_id = $1 and r.author_id = a.author_id and r.stored_at > $3 limit $5) as recent)
           else (
               select count(*) from (
                   select from stream_records r
                   where r.account_id = $1 and r.author_id = a.author_id and r.sender_key = $4 and r.stored_at > $3
                   limit $5) as recent)
           end as recent_count
    from stream_authors a where a.account_id = $1 and a.author_id = any($2::bigint[])
"""
INSERT = f"""
    with {HOLD},
    entries as materialized (
        select nextval('positions') as feed_record_id, e.*
        from hold cross join (
            select * from jsonb_to_recordset($3::jsonb) as e (
                place int, network text, source_id bigint, record_key text, author_id bigint, fan_id bigint,
                record_status text, created_at timestamptz, caption text, record_url text, image_url text,
                video_url text, links jsonb, latitude float8, longitude float8, sku text, labels text[], terms text[],
                reach bigint, props jsonb, slice_position bigint, sender_key text)
            order by place) as e
    ),
    inserted as (
        insert into stream_records (
            account_id, feed_record_id, stream_id, source_id, network, record_key, author_id, fan_id, record_status,
            time_position, slice_position, approved_at, created_at, stored_at, caption, record_url, image_url,
            video_url, links, latitude, longitude, sku, labels, terms, reach, props, sender_key)
        select $1, feed_record_id, $2, source_id, network, record_key, author_id, fan_id, record_status,
               case record_status when 'approved' then feed_record_id end, slice_position,
               case record_status when 'approved' then $4::timestamptz end, created_at, $4, caption, record_url,
               image_url, video_url, links, latitude, longitude, sku, labels, terms, reach, props, sender_key
        from entries
        order by feed_record_id
        on conflict (account_id, stream_id, network, record_key) do nothing
        returning feed_record_id, stream_id, record_key, author_id, created_at, labels, record_status, reach
    ),
    additions as ({additions("inserted")}),
    {count("additions")},
    announced as (
        {announce(STREAM_RECORD_CREATED, "inserted", position="feed_record_id", at="$4")}
    )
    select feed_record_id, record_key from inserted order by feed_record_id
"""  # noqa: S608 - fixed parts


class StoreResult(msgspec.Struct, frozen=True):
    """What became of entries: the ids of new records by their keys, and the keys of those beyond a limit."""

    record_ids: dict[str, int]
    limited_keys: frozenset[str]


async def store(db: Db, stream: StreamFacts, entries: Sequence[Entry], origin: Origin, now: datetime) -> StoreResult:
    """Store entries, the first one earliest on the wall; those whose key the stream has already are left as they are.

    Entries of authors who are beyond their limit are not stored. Blocked authors have none, since nobody sees theirs.
    """
    if not entries:
        return StoreResult({}, frozenset())
    db = db.for_account(stream.account_id)
    offensive = await offensive_keys(db, stream, entries)

    async def write(handle: Db) -> StoreResult:
        async with handle.transaction() as tx:
            return await _write(tx, stream, (entries, offensive), origin, now)

    return await db.retry_conflicts(write)


async def _write(
    tx: Db, stream: StreamFacts, content: tuple[Sequence[Entry], frozenset[str]], origin: Origin, now: datetime
) -> StoreResult:
    entries, offensive = content
    await lock_stream(tx, stream.account_id, stream.stream_id)
    authors = await _save_authors(tx, stream, entries, origin, now)
    places = Counter({key: row["recent_count"] for key, row in authors.items()})
    rows: list[dict[str, Any]] = []
    limited_keys = set()
    for entry in entries:
        author = authors[entry.author.author_key]
        is_limited = origin.limits_authors and author["author_status"] != "blocked"
        if is_limited and places[author["author_key"]] >= stream.author_limit:
            limited_keys.add(entry.record_key)
            continue
        places[author["author_key"]] += 1
        status = first_status(stream, author, origin, is_offensive=entry.record_key in offensive)
        rows.append({**_columns(entry, origin, now), "place": len(rows), "author_id": author["author_id"],
                     "fan_id": entry.author.fan_id or author["fan_id"], "record_status": status})  # fmt: skip
    record_ids = await _insert(tx, stream, rows, now)
    with_pictures = {entry.record_key for entry in entries if entry.image_url or entry.author.author_image_url}
    for key in with_pictures & record_ids.keys():
        await enqueue(tx, COPY_PICTURES, record_ids[key])
    return StoreResult(record_ids, frozenset(limited_keys))


async def _insert(tx: Db, stream: StreamFacts, rows: Sequence[dict[str, Any]], now: datetime) -> dict[str, int]:
    place = (stream.account_id, stream.stream_id)
    approved = [row for row in rows if row["record_status"] == "approved"]
    slice_position = await take_slice(tx, *place) if approved else None
    for row in approved:
        row["slice_position"] = slice_position
    inserted = await tx.rows(INSERT, *place, rows, now) if rows else []
    record_ids = {row["record_key"]: row["feed_record_id"] for row in inserted}
    if slice_position is not None:
        await add_to_slice(tx, *place, slice_position, sum(row["record_key"] in record_ids for row in approved))
    return record_ids


async def _save_authors(
    tx: Db, stream: StreamFacts, entries: Sequence[Entry], origin: Origin, now: datetime
) -> dict[str, Record]:
    # Anybody can submit with any address; only staff and sources change the name that is shown for it.
    keeps_names = origin.limits_authors and origin.source_id is None
    authors = list({entry.author.author_key: msgspec.to_builtins(entry.author) for entry in entries}.values())
    place = (stream.account_id, stream.stream_id, origin.network)
    saved_rows = await tx.rows(SAVE_AUTHORS, *place, authors, now, keeps_names)
    author_ids = [row["author_id"] for row in saved_rows]
    counted = (now - HOUR, origin.sender_key, stream.author_limit)
    rows = await tx.rows(LOCKED_AUTHORS, stream.account_id, author_ids, *counted)
    return {row["author_key"]: row for row in rows}


def first_status(stream: StreamFacts, author: Record, origin: Origin, *, is_offensive: bool) -> Status:
    """Return whether a record is published at once, as the trust level says of its author."""
    if author["author_status"] == "blocked":
        return "removed"
    if origin.is_trusted:
        return "approved"
    if is_offensive:
        return "waiting"
    # Anybody can claim a name or an address there.
    if origin.network in CLAIMED_NETWORKS and stream.trust_level != "open":
        return "waiting"
    is_regular = stream.trust_level == "regulars" and author["approved_count"] > 0
    is_open = stream.trust_level == "open" or author["author_status"] == "trusted"
    return "approved" if is_open or is_regular else "waiting"


def _columns(entry: Entry, origin: Origin, now: datetime) -> dict[str, Any]:
    names = (
        "record_key", "caption", "record_url", "image_url", "video_url", "latitude", "longitude", "sku", "labels",
        "props",
    )  # fmt: skip
    return {
        **{name: getattr(entry, name) for name in names},
        "network": origin.network,
        "source_id": origin.source_id,
        "sender_key": origin.sender_key,
        "created_at": min(max(entry.created_at, EARLIEST), now).isoformat(),
        "links": msgspec.to_builtins(entry.links),
        # The picture is not there yet.
        "terms": terms(entry.caption, origin.network, entry.labels, entry.sku, has_picture=False),
        "reach": max(entry.author.follower_count, 0),
    }


async def offensive_keys(db: Db, stream: StreamFacts, entries: Sequence[Entry]) -> frozenset[str]:
    """Return the keys of entries with a word that the account, or everybody, refuses in display names."""
    if not stream.has_word_list:
        return frozenset()
    rules = await name_rules(db, await account_by_id(db, stream.account_id))
    # Reading takes some milliseconds for each.
    return await asyncio.to_thread(_offensive, entries, rules)


def _offensive(entries: Sequence[Entry], rules: NameRules) -> frozenset[str]:
    return frozenset(
        entry.record_key
        for entry in entries
        if any(has_refused_word(text, rules) for text in (entry.caption, entry.author.author_name) if text)
    )
