"""Reads one source: stores what is new, replaces what was changed, deletes what its source deleted.

Whatever goes wrong with a source is written down with it, and it is tried later and later.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from asyncpg import UniqueViolationError

from fanfare.kernel.data.db import UNSTORABLE, Db, Record
from fanfare.kernel.running.secret_keys import NotSealed
from fanfare.streams.actions.deleting import delete_records
from fanfare.streams.actions.replacing import replace
from fanfare.streams.actions.sources import unsealed
from fanfare.streams.actions.storing import store
from fanfare.streams.gateways.bluesky import read_bluesky
from fanfare.streams.gateways.feeds import read_feed
from fanfare.streams.gateways.fetching import Reading, Source, SourceFault, next_part
from fanfare.streams.gateways.mailbox import read_mailbox
from fanfare.streams.gateways.mastodon import read_mastodon
from fanfare.streams.gateways.texts import clean, name_of, safe_url
from fanfare.streams.queries.sources import activities, due_source, new_activity_ids
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.entries import Author, Entry, Origin
from fanfare.streams.schemas.sources import NETWORKS
from fanfare.streams.schemas.streams import StreamFacts

log = structlog.get_logger()
Read = Callable[[Source, datetime], Awaitable[Reading]]
READERS: Mapping[str, Read] = {
    "feed": read_feed,
    "youtube": read_feed,
    "mastodon": read_mastodon,
    "bluesky": read_bluesky,
    "mailbox": read_mailbox,
}
SECONDS = 60.0
LONGEST_WAIT = timedelta(hours=24)
MAX_DOUBLINGS = 8
MAX_ACTIVITIES = 100

PRESENT = """
    select record_key from stream_records
    where account_id = $1 and stream_id = $2 and network = $3 and record_key = any($4::text[])
"""
# Another prefix is that of an earlier numbering of the same messages. Identical ones are paired in their order,
# whatever their time: messages without a date have that of their first reading.
RENAME = """
    with entries as (
        select e.*, row_number() over (
            partition by e.author_key, e.caption order by e.place) as number
        from jsonb_to_recordset($4::jsonb) as e (
            place int, record_key text, author_key text, caption text)
        where not exists (
            select from stream_records r where r.account_id = $1 and r.stream_id = $2 and r.network = 'mail'
             and r.record_key = e.record_key)
    ),
    former as (
        select r.feed_record_id, a.author_key, r.caption, row_number() over (
            partition by a.author_key, r.caption order by r.feed_record_id) as number
        from stream_authors a join stream_records r on r.account_id = $1 and r.author_id = a.author_id
        where a.account_id = $1 and a.stream_id = $2 and a.network = 'mail' and r.source_id = $3
          and a.author_key in (select author_key from entries) and not starts_with(r.record_key, $5)
    )
    update stream_records as r set record_key = e.record_key
    from entries e join former f using (author_key, caption, number)
    where r.account_id = $1 and r.feed_record_id = f.feed_record_id
"""
# What staff removed stays, so that its source does not bring it again.
MISSING = """
    select feed_record_id from stream_records
    where account_id = $1 and source_id = $2 and record_status <> 'removed'
      and (created_at > $3 or $3::timestamptz is null) and record_key <> all($4::text[])
      and starts_with(record_key, $5)
"""
SUCCEEDED = """
    update stream_sources set reading_state = $3, next_at = $4, last_read_at = $5, last_success_at = $5, fail_count = 0,
           last_error = null
    where account_id = $1 and source_id = $2
"""
FAILED = """
    update stream_sources set next_at = $3, last_read_at = $4, fail_count = fail_count + 1, last_error = $5
    where account_id = $1 and source_id = $2
"""


async def read_source(db: Db, account_id: int, source_id: int, now: datetime) -> None:
    """Read a source if it is due."""
    row = await due_source(db, account_id, source_id, now)
    if row is None:
        return
    stream = await stream_by_key(db, account_id, row["stream_key"])
    interval = timedelta(minutes=row["interval_minutes"])
    try:
        reading = await _reading(db, account_id, row, now)
        next_at = now if reading.is_full else now + interval
        await _apply(db, stream, row, reading, (now, next_at))
    except SourceFault as fault:
        wait = min(interval * 2 ** min(row["fail_count"], MAX_DOUBLINGS), LONGEST_WAIT)
        next_at = now + max(wait, timedelta(seconds=fault.wait_seconds))
        await db.execute(FAILED, account_id, source_id, next_at, now, clean(str(fault), 300))


async def _reading(db: Db, account_id: int, row: Record, now: datetime) -> Reading:
    """Return what the source has; raises SourceFault, also for a fault of our reader."""
    try:
        async with asyncio.timeout(SECONDS):
            if row["source_kind"] == "form":
                return await _read_form(db, account_id, row)
            secret = unsealed(row["sealed_secret"])
            source = Source(
                account_id, row["source_id"], row["source_kind"], row["settings"], secret, row["reading_state"]
            )
            return await READERS[source.source_kind](source, now)
    except NotSealed:
        message = "its secret cannot be read; set it again"
        raise SourceFault(message) from None
    except TimeoutError:
        message = f"it takes longer than {SECONDS:.0f} seconds"
        raise SourceFault(message) from None
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        # What strangers send can be anything; it must not stop the others.
        log.warning("source not read", account_id=account_id, source_id=row["source_id"], kind=type(error).__name__)
        message = f"it cannot be read ({type(error).__name__})"
        raise SourceFault(message) from None


async def _read_form(db: Db, account_id: int, row: Record) -> Reading:
    settings, state = row["settings"], row["reading_state"]
    place = (account_id, settings["page_tab_id"])
    after_id = state.get("activity_id", 0)
    # One more than are read, to see whether there are more.
    new_ids = await new_activity_ids(db, *place, after_id, MAX_ACTIVITIES + 1)
    part = next_part(new_ids, state.get("deferred", []), MAX_ACTIVITIES)
    entries = [
        entry
        for activity in await activities(db, *place, part.numbers)
        if (entry := _form_entry(activity, settings["caption_field"], settings.get("picture_field") or ""))
    ]
    return Reading(
        entries,
        {"activity_id": max([after_id, *part.numbers]), "deferred": part.rest},
        numbers={each.record_key: int(each.record_key) for each in entries},
        is_full=part.is_full,
    )


def _form_entry(activity: Record, caption_field: str, picture_field: str) -> Entry | None:
    caption = activity["props"].get(caption_field)
    if not isinstance(caption, str) or not clean(caption):
        return None
    author = Author(str(activity["fan_id"]), name_of(activity["author_name"]), fan_id=activity["fan_id"])
    image_url = safe_url(activity["props"].get(picture_field))
    return Entry(str(activity["activity_id"]), author, activity["created_at"], clean(caption), image_url=image_url)


async def _apply(db: Db, stream: StreamFacts, row: Record, reading: Reading, times: tuple[datetime, datetime]) -> None:
    """Store what was read, and what the next reading needs; raises SourceFault for what cannot be stored."""
    now, next_at = times
    try:
        deferred = await _store(db, stream, row, reading, now) if reading.entries is not None else []
        state = reading.state
        if deferred:
            state = {**state, "deferred": [*state.get("deferred", []), *deferred]}
        await db.execute(SUCCEEDED, stream.account_id, row["source_id"], state, next_at, now)
    except (*UNSTORABLE, UniqueViolationError) as error:
        log.warning("source not stored", account_id=stream.account_id, source_id=row["source_id"])
        message = f"it has what cannot be stored ({type(error).__name__})"
        raise SourceFault(message) from None


async def _store(db: Db, stream: StreamFacts, row: Record, reading: Reading, now: datetime) -> list[int]:
    """Store, replace and delete records; return the numbers of the entries whose authors are beyond their limit."""
    account_id, source_id, kind = stream.account_id, row["source_id"], row["source_kind"]
    is_of_anybody = kind in ("mailbox", "form") or _is_of_anybody(row)
    origin = Origin(NETWORKS.get(kind, kind), source_id, limits_authors=is_of_anybody)
    entries = {each.record_key: msgspec.structs.replace(each, labels=row["labels"]) for each in reading.entries or []}
    if kind == "mailbox":
        await _rename(db, stream, source_id, list(entries.values()), reading.key_prefix)
    await delete_records(db, account_id, await _deleted_ids(db, account_id, source_id, reading, list(entries)), now)
    # What is older than the stream keeps it would be deleted again, and come back again.
    oldest = None if stream.retention_days is None else now - timedelta(days=stream.retention_days)
    recent = [each for each in entries.values() if oldest is None or each.created_at >= oldest]
    await replace(db, stream, recent, origin, now)
    place = (account_id, stream.stream_id, origin.network, list(entries))
    present = {each["record_key"] for each in await db.rows(PRESENT, *place)}
    result = await store(db, stream, [each for each in recent if each.record_key not in present], origin, now)
    return [number for key, number in reading.numbers.items() if key in result.limited_keys]


async def _rename(db: Db, stream: StreamFacts, source_id: int, entries: Sequence[Entry], key_prefix: str) -> None:
    rows = [
        {
            "place": place,
            "record_key": each.record_key,
            "author_key": each.author.author_key,
            "caption": each.caption,
        }
        for place, each in enumerate(entries)
    ]
    if rows:
        await db.execute(RENAME, stream.account_id, stream.stream_id, source_id, rows, key_prefix)


def _is_of_anybody(row: Record) -> bool:
    return bool(row["settings"].get("hashtag") or row["settings"].get("search_text"))


async def _deleted_ids(db: Db, account_id: int, source_id: int, reading: Reading, keys: Sequence[str]) -> list[int]:
    if reading.complete_from is None and reading.keys is None:
        return []
    remaining = list(keys if reading.keys is None else reading.keys)
    rows = await db.rows(MISSING, account_id, source_id, reading.complete_from, remaining, reading.key_prefix)
    return [row["feed_record_id"] for row in rows]
