"""Reads the sources of streams, and the activities that a form brings in."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Record
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.sources import StreamSource

LIST = """
    select s.source_id, s.source_kind, s.source_name, s.settings, s.sealed_secret is not null as has_secret, s.labels,
           s.interval_minutes, s.is_enabled,
           case when s.is_enabled then floor(extract(epoch from s.next_at))::bigint end as next_timestamp,
           floor(extract(epoch from s.last_read_at))::bigint as last_read_timestamp,
           floor(extract(epoch from s.last_success_at))::bigint as last_success_timestamp, s.fail_count, s.last_error,
           floor(extract(epoch from s.created_at))::bigint as creation_timestamp
    from stream_sources s where s.account_id = $1 and s.stream_id = $2 order by s.source_id
"""
DUE = """
    select c.source_id from stream_sources c join streams s on s.account_id = $1 and s.stream_id = c.stream_id
    where c.account_id = $1 and c.is_enabled and c.next_at <= $2 and s.deleted_at is null
    order by c.next_at limit 100
"""
ONE = """
    select c.source_id, c.source_kind, c.settings, c.sealed_secret, c.labels, c.interval_minutes, c.reading_state,
           c.fail_count, s.stream_key
    from stream_sources c join streams s on s.account_id = $1 and s.stream_id = c.stream_id
    where c.account_id = $1 and c.source_id = $2 and c.is_enabled and c.next_at <= $3 and s.deleted_at is null
"""
NEW_ACTIVITIES = """
    select activity_id from activities
    where account_id = $1 and page_tab_id = $2 and activity_id > $3 and activity_id <= $4
    order by activity_id limit $5
"""
ACTIVITIES = """
    select a.activity_id, a.fan_id, a.props, a.created_at, coalesce(f.display_name, f.first_name) as author_name
    from activities a join fans f on f.account_id = $1 and f.fan_id = a.fan_id
    where a.account_id = $1 and a.page_tab_id = $2 and a.activity_id = any($3::bigint[])
      and not exists (select from hidden_fans h where h.account_id = $1 and h.fan_id = a.fan_id)
    order by a.activity_id
"""


async def sources(db: Db, account_id: int, stream_key: str) -> list[StreamSource]:
    """Return the sources of a stream in the order in which they were added; Unknown (404) stream."""
    stream = await stream_by_key(db, account_id, stream_key)
    rows = await db.rows(LIST, account_id, stream.stream_id)
    return [StreamSource(**row, stream_key=stream_key) for row in rows]


async def due_sources(db: Db, account_id: int, now: datetime) -> list[int]:
    """Return the ids of the sources that are to be read now, the longest overdue first."""
    return [row["source_id"] for row in await db.rows(DUE, account_id, now)]


async def due_source(db: Db, account_id: int, source_id: int, now: datetime) -> Record | None:
    """Return a source, or None if it is not to be read now."""
    return await db.row(ONE, account_id, source_id, now)


async def new_activity_ids(db: Db, account_id: int, page_tab_id: int, after_id: int, limit: int) -> list[int]:
    """Return the ids of activities of a campaign after an id."""
    bound = await settled(db, account_id)
    return [
        row["activity_id"] for row in await db.rows(NEW_ACTIVITIES, account_id, page_tab_id, after_id, bound, limit)
    ]


async def activities(db: Db, account_id: int, page_tab_id: int, activity_ids: Sequence[int]) -> list[Record]:
    """Return activities of a campaign with the name of each fan, without hidden fans."""
    return await db.rows(ACTIVITIES, account_id, page_tab_id, list(activity_ids))
