"""Replaces what sources changed: a record keeps its id, place, labels, and what staff decided.

What was approved waits for staff again if it would have to now: with a refused word, or other words or pictures by an
author whom the trust level reviews.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.jobs import enqueue
from fanfare.streams.actions.counting import additions, count, removals
from fanfare.streams.actions.slices import lock_stream
from fanfare.streams.actions.storing import COPY_PICTURES, first_status, offensive_keys
from fanfare.streams.schemas.entries import Entry, Origin
from fanfare.streams.schemas.streams import StreamFacts
from fanfare.streams.schemas.terms import terms
from fanfare.streams.topics import STREAM_RECORD_UPDATED

# Another source does not change it, and what staff removed stays as it was.
PRESENT = """
    select r.feed_record_id, r.record_key, r.caption, r.record_url, r.image_url, r.video_url, r.picture_key, r.labels,
           r.sku, r.record_status, r.network, a.author_status, a.approved_count
    from stream_records r join stream_authors a on a.account_id = $1 and a.author_id = r.author_id
    where r.account_id = $1 and r.stream_id = $2 and r.network = $3 and r.record_key = any($4::text[])
      and r.source_id = $5 and r.record_status <> 'removed'
    order by r.feed_record_id for no key update of r
"""
REPLACE = f"""
    with {HOLD},
    entries as materialized (
        select * from jsonb_to_recordset($2::jsonb) as e (
            feed_record_id bigint, caption text, record_url text, image_url text, video_url text, terms text[],
            keeps_picture boolean, waits boolean, fields text[])
    ),
    old as (
        select r.feed_record_id, r.stream_id, r.author_id, r.created_at, r.labels, r.record_status, r.reach
        from entries e join stream_records r on r.account_id = $1 and r.feed_record_id = e.feed_record_id
    ),
    changed as (
        update stream_records as r
        set caption = e.caption, record_url = e.record_url, image_url = e.image_url, video_url = e.video_url,
            terms = e.terms, picture_key = case when e.keeps_picture then r.picture_key end,
            record_status = case when e.waits then 'waiting' else r.record_status end,
            time_position = case when not e.waits then r.time_position end,
            slice_position = case when not e.waits then r.slice_position end,
            approved_at = case when not e.waits then r.approved_at end
        from entries e
        where r.account_id = $1 and r.feed_record_id = e.feed_record_id
        returning r.feed_record_id, r.stream_id, r.author_id, r.created_at, r.labels, r.record_status, r.reach,
                  e.fields
    ),
    differences as ({removals("old")} union all {additions("changed")}),
    {count("differences")},
    announced as (
        {announce(STREAM_RECORD_UPDATED, "changed", at="$3", fields="fields")}
    )
    select count(*) from changed
"""  # noqa: S608 - fixed parts


async def replace(db: Db, stream: StreamFacts, entries: Sequence[Entry], origin: Origin, now: datetime) -> None:
    """Change the records of a source whose entries say something else now."""
    by_key = {each.record_key: each for each in entries}
    place = (stream.account_id, stream.stream_id, origin.network, list(by_key), origin.source_id)

    async def write(handle: Db) -> None:
        async with handle.transaction() as tx:
            await lock_stream(tx, stream.account_id, stream.stream_id)
            edits = {
                row["feed_record_id"]: (row, by_key[row["record_key"]], fields)
                for row in await tx.rows(PRESENT, *place)
                if (fields := changed_fields(row, by_key[row["record_key"]]))
            }
            if not edits:
                return
            offensive = await offensive_keys(tx, stream, [entry for _, entry, _ in edits.values()])
            rows = []
            for old, entry, fields in edits.values():
                status = first_status(stream, old, origin, is_offensive=entry.record_key in offensive)
                rows.append(_columns(old, entry, fields, is_reviewed=status != "approved"))
            await tx.execute(REPLACE, stream.account_id, rows, now)
            for row in rows:
                if row["image_url"] and not row["keeps_picture"]:
                    await enqueue(tx, COPY_PICTURES, row["feed_record_id"])

    await db.for_account(stream.account_id).retry_conflicts(write)


def changed_fields(row: Record, entry: Entry) -> list[str]:
    """Return the names of what is different; the query of a URL of a picture or video may be that of one visit."""
    fields = [name for name in ("caption", "record_url") if row[name] != getattr(entry, name)]
    return fields + [
        name for name in ("image_url", "video_url") if _file(row[name]) != _file(getattr(entry, name))
    ]  # fmt: skip


def _file(url: str | None) -> str | None:
    return urlsplit(url)._replace(query="", fragment="").geturl() if url else None


def _columns(row: Record, entry: Entry, fields: list[str], *, is_reviewed: bool) -> dict[str, Any]:
    keeps_picture = row["picture_key"] is not None and "image_url" not in fields
    # Another link to the post itself shows nothing else.
    waits = is_reviewed and row["record_status"] == "approved" and fields != ["record_url"]
    return {
        "feed_record_id": row["feed_record_id"],
        "caption": entry.caption,
        "record_url": entry.record_url,
        "image_url": entry.image_url,
        "video_url": entry.video_url,
        "terms": terms(entry.caption, row["network"], row["labels"], row["sku"], has_picture=keeps_picture),
        "keeps_picture": keeps_picture,
        "waits": waits,
        "fields": [*fields, "record_status"] if waits else fields,
    }
