"""Creates, changes and deletes streams."""

import uuid
from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.streams.schemas.streams import MAX_STREAMS, NewStream, StreamChanges
from fanfare.streams.topics import STREAM_CREATED, STREAM_DELETED, STREAM_UPDATED


class TooManyStreams(Conflict):
    """The account has 500 streams already; delete some first"""


CREATE = Sql(f"""
    with {HOLD},
    inserted as (
        insert into streams (
            account_id, stream_id, stream_key, stream_name, props, media_map, virtual_domain, css_text, javascript_text,
            record_limit, trust_level, is_public, has_word_list, author_limit, retention_days, created_at, updated_at)
        select $1, nextval('positions'), :stream_key, :stream_name, :props, :media_map, :virtual_domain, :css_text,
               :javascript_text, :record_limit, :trust_level, :is_public, :has_word_list, :author_limit,
               :retention_days, :now, :now
        from hold
        returning stream_id, stream_key
    )
    {announce(STREAM_CREATED, "inserted", position="stream_id", at=":now")}
""")  # noqa: S608 - fixed parts
EMPTY = {"css_text": "", "javascript_text": "", "props": {}, "media_map": {}}
COLUMNS = Columns(StreamChanges, key=("stream_key",), empty=EMPTY)
CHANGE = f"""
    with {HOLD},
    changed as (
        update streams as s
        set {COLUMNS.assignments("s", "$3")}, updated_at = $4
        where s.account_id = $1 and s.stream_key = $2 and s.deleted_at is null
        returning s.stream_key
    ),
    announced as (
        {announce(STREAM_UPDATED, "changed", at="$4", fields="$5::text[]")}
    )
    select stream_key from changed
"""  # noqa: S608 - fixed parts
DELETE = f"""
    with {HOLD},
    deleted as (
        update streams set deleted_at = $3, is_public = false
        where account_id = $1 and stream_key = $2 and deleted_at is null
        returning stream_key
    ),
    announced as (
        {announce(STREAM_DELETED, "deleted", at="$3")}
    )
    select stream_key from deleted
"""  # noqa: S608 - fixed parts


async def create_stream(db: Db, account_id: int, new: NewStream, now: datetime) -> str:
    """Create a stream and return its key, which nobody can guess; TooManyStreams (409) for more than 500."""
    stream_key = str(uuid.uuid4())
    fields = {name: getattr(new, name) for name in NewStream.__struct_fields__}
    values = {**fields, "props": new.props or {}, "media_map": new.media_map or {}, "stream_key": stream_key}
    async with db.transaction() as tx:
        await tx.execute("select pg_advisory_xact_lock($1)", lock_key("streams", account_id))
        count = "select count(*) from streams where account_id = $1 and deleted_at is null"
        if await tx.value(count, account_id) >= MAX_STREAMS:
            raise TooManyStreams
        await tx.execute(CREATE, account_id, **values, now=now)
    return stream_key


async def change_stream(db: Db, account_id: int, changes: StreamChanges, now: datetime) -> str:
    """Change the fields of a stream that were sent and return its key; Unknown (404)."""
    fields = COLUMNS.sent_fields(changes)
    record = COLUMNS.record(fields)
    stream_key: str | None = await db.value(CHANGE, account_id, changes.stream_key, record, now, sorted(fields))
    if stream_key is None:
        raise Unknown(stream=changes.stream_key)
    return stream_key


async def delete_stream(db: Db, account_id: int, stream_key: str, now: datetime) -> None:
    """Delete a stream; a job deletes its records. Unknown (404)."""
    if await db.value(DELETE, account_id, stream_key, now) is None:
        raise Unknown(stream=stream_key)
