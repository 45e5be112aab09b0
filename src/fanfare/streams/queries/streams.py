"""Reads streams."""

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lists import bounded, list_rows
from fanfare.kernel.errors import Unknown
from fanfare.streams.schemas.streams import Stream, StreamFacts

FACTS = """
    account_id, stream_id, stream_key, stream_name, record_limit, trust_level, is_public, has_word_list, author_limit,
    retention_days, css_text
"""
BY_KEY = f"select {FACTS} from streams where account_id = $1 and stream_key = $2 and deleted_at is null"  # noqa: S608 - columns
LIST = bounded("""
    select stream_key, account_id, floor(extract(epoch from created_at))::bigint as creation_timestamp, stream_name,
           props, virtual_domain, css_text, javascript_text, record_limit, trust_level, media_map, is_public,
           has_word_list, author_limit, retention_days
    from streams where account_id = $1 and deleted_at is null
    order by stream_id
""")


async def streams(db: Db, account_id: int) -> list[Stream]:
    """Return the streams of the account in the order in which they were created."""
    return [Stream(**row) for row in list_rows(await db.rows(LIST, account_id))]


async def stream_by_key(db: Db, account_id: int, stream_key: str) -> StreamFacts:
    """Return a stream; Unknown (404)."""
    row = await db.row(BY_KEY, account_id, stream_key)
    if row is None:
        raise Unknown(stream=stream_key)
    return StreamFacts(**row)


async def public_stream(db: Db, stream_key: str) -> StreamFacts:
    """Return a stream of any account that can be read without a key; Unknown (404)."""
    # The account is not known before: a wall that is embedded names the stream alone.
    row = await db.row(
        f"select {FACTS} from streams where stream_key = $1 and is_public and deleted_at is null",  # noqa: S608 - columns
        stream_key,
    )
    if row is None:
        raise Unknown(stream=stream_key)
    return StreamFacts(**row)
