"""Reads streams and their authors as staff sees them."""

from collections.abc import Sequence

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lists import bounded, list_rows
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.managed import AuthorQuery, ManagedAuthor, ManagedStream

# A stream belongs to the businesses of the campaigns that name it.
OF_BUSINESSES = """
    exists (select from campaigns c
            where c.account_id = $1 and c.stream_key = s.stream_key and c.business_id = any($2::bigint[]))
"""
STREAMS = bounded(f"""
    select s.stream_key, s.stream_name, s.trust_level, s.is_public, s.has_word_list,
           floor(extract(epoch from s.created_at))::bigint as creation_timestamp,
           (select count(*) from stream_records r
            where r.account_id = $1 and r.stream_id = s.stream_id and r.record_status = 'waiting') as waiting_count,
           o.source_count, o.failing_source_count, o.last_read_timestamp
    from streams s
    cross join lateral (
        select count(*) as source_count, count(*) filter (where o.last_error is not null) as failing_source_count,
               floor(extract(epoch from max(o.last_read_at)))::bigint as last_read_timestamp
        from stream_sources o where o.account_id = $1 and o.stream_id = s.stream_id) as o
    where s.account_id = $1 and s.deleted_at is null and ($2::bigint[] is null or {OF_BUSINESSES})
    order by s.stream_id
""")  # noqa: S608 - fixed parts
VISIBLE = f"""
    select exists (select from streams s where s.account_id = $1 and s.stream_key = $3 and {OF_BUSINESSES})
"""  # noqa: S608 - fixed parts
AUTHORS = """
    select author_id as position, author_id, network, author_name, screen_name, author_url, author_status, fan_id,
           stored_count, approved_count, floor(extract(epoch from created_at))::bigint as creation_timestamp
    from stream_authors
    where account_id = $1 and stream_id = $2 and author_id > $3 and author_id < $4
      and ($5::text is null or author_status = $5)
    order by author_id desc
    limit $6
"""


async def managed_streams(db: Db, account_id: int, business_ids: Sequence[int] | None) -> list[ManagedStream]:
    """Return the streams in the order in which they were created; of businesses, those of their campaigns."""
    rows = await db.rows(STREAMS, account_id, None if business_ids is None else list(business_ids))
    return [ManagedStream(**row) for row in list_rows(rows)]


async def check_stream_of(db: Db, account_id: int, stream_key: str, business_ids: Sequence[int]) -> None:
    """Raise Unknown (404) unless a campaign of one of the businesses has the stream."""
    if not await db.value(VISIBLE, account_id, list(business_ids), stream_key):
        raise Unknown(stream=stream_key)


async def managed_authors(db: Db, account_id: int, query: AuthorQuery) -> ArrayPage[ManagedAuthor]:
    """Return a page of the authors of a stream, the newest first; Unknown (404) stream."""
    stream = await stream_by_key(db, account_id, query.stream_key)
    cursor = start(query.cursor, "desc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(AUTHORS, account_id, stream.stream_id, low, high, query.author_status, query.limit + 1)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(ManagedAuthor), page.next_page)
