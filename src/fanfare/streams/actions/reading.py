"""Reads one source: stores what is new, replaces what was changed, deletes what its source deleted.

Whatever goes wrong with a source is written down with it, and it is tried later and later.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.running.secret_keys import NotSealed
from fanfare.streams.actions.deleting import delete_records
from fanfare.streams.actions.sources import unsealed
from fanfare.streams.actions.storing import store
from fanfare.streams.gateways.bluesky import read_bluesky
from fanfare.streams.gateways.feeds import read_feed
from fanfare.streams.gateways.fetching import Reading, Source, SourceFault
from fanfare.streams.gateways.mailbox import read_mailbox
from fanfare.streams.gateways.mastodon import read_mastodon
from fanfare.streams.gateways.texts import clean, name_of, safe_url
from fanfare.streams.queries.sources import activities, due_source
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
    select feed_record_id, record_key, caption, labels, record_status from stream_records
    where account_id = $1 and stream_id = $2 and network = $3 and record_key = any($4::text[])
"""
# What staff removed stays, so that its source does not bring it again.
MISSING = """
    select feed_record_id from stream_records
    where account_id = $1 and source_id = $2 and record_status <> 'removed'
      and (created_at > $3 or $3::timestamptz is null) and record_key <> all($4::text[])
"""
DELETED = """
    select feed_record_id from stream_records
    where account_id = $1 and source_id = $2 and record_key = any($3::text[])
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
    except SourceFault as fault:
        wait = min(interval * 2 ** min(row["fail_count"], MAX_DOUBLINGS), LONGEST_WAIT)
        next_at = now + max(wait, timedelta(seconds=fault.wait_seconds))
        await db.execute(FAILED, account_id, source_id, next_at, now, clean(str(fault), 300))
        return
    if reading.entries is not None:
        await _apply(db, stream, row, reading, now)
    await db.execute(SUCCEEDED, account_id, source_id, reading.state, now + interval, now)


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
    settings = row["settings"]
    after_id = row["reading_state"].get("activity_id", 0)
    rows = await activities(db, account_id, settings["page_tab_id"], after_id, MAX_ACTIVITIES)
    entries = []
    for activity in rows:
        props = activity["props"]
        caption = props.get(settings["caption_field"])
        image_url = safe_url(props.get(settings.get("picture_field") or ""))
        if not isinstance(caption, str) or not clean(caption):
            continue
        author = Author(str(activity["fan_id"]), name_of(activity["author_name"]), fan_id=activity["fan_id"])
        entries.append(
            Entry(str(activity["activity_id"]), author, activity["created_at"], clean(caption), image_url=image_url)
        )
    return Reading(entries, {"activity_id": rows[-1]["activity_id"] if rows else after_id})


async def _apply(db: Db, stream: StreamFacts, row: Record, reading: Reading, now: datetime) -> None:
    account_id, source_id, kind = stream.account_id, row["source_id"], row["source_kind"]
    network = NETWORKS.get(kind, kind)
    entries = [msgspec.structs.replace(each, labels=row["labels"]) for each in reading.entries or []]
    entries = list({each.record_key: each for each in entries}.values())
    keys = [each.record_key for each in entries]
    present = {each["record_key"]: each for each in await db.rows(PRESENT, account_id, stream.stream_id, network, keys)}
    deleted_ids = await _deleted_ids(db, account_id, source_id, reading, keys)
    replaced = {
        each.record_key: present[each.record_key]
        for each in entries
        if each.record_key in present and _is_changed(present[each.record_key], each)
    }
    await delete_records(db, account_id, [*deleted_ids, *(each["feed_record_id"] for each in replaced.values())], now)
    new = [
        msgspec.structs.replace(each, labels=replaced[each.record_key]["labels"])
        if each.record_key in replaced
        else each
        for each in entries
        if each.record_key not in present or each.record_key in replaced
    ]
    origin = Origin(network, source_id, limits_authors=kind in ("mailbox", "form") or _is_of_anybody(row))
    await store(db, stream, new, origin, now)


def _is_of_anybody(row: Record) -> bool:
    return bool(row["settings"].get("hashtag") or row["settings"].get("search_text"))


def _is_changed(old: Record, entry: Entry) -> bool:
    return bool(old["record_status"] != "removed" and old["caption"] != entry.caption)


async def _deleted_ids(db: Db, account_id: int, source_id: int, reading: Reading, keys: Sequence[str]) -> list[int]:
    rows: list[Record] = []
    if reading.complete_from is not None or reading.keys is not None:
        remaining = list(keys if reading.keys is None else reading.keys)
        rows += await db.rows(MISSING, account_id, source_id, reading.complete_from, remaining)
    if reading.deleted_keys:
        rows += await db.rows(DELETED, account_id, source_id, list(reading.deleted_keys))
    return [row["feed_record_id"] for row in rows]
