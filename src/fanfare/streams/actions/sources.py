"""Adds, changes and deletes sources of streams."""

from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.sources import MAX_SOURCES, SETTINGS, NewSource, OneSource, SourceChanges
from fanfare.streams.topics import STREAM_SOURCE_CREATED, STREAM_SOURCE_DELETED, STREAM_SOURCE_UPDATED

PURPOSE = "secrets of stream sources"


class TooManySources(Conflict):
    """The account has 200 sources already; delete some first"""


ADD = Sql(f"""
    with {HOLD},
    inserted as (
        insert into stream_sources (
            account_id, source_id, stream_id, source_kind, source_name, settings, sealed_secret, labels,
            interval_minutes, is_enabled, reading_state, next_at, fail_count, created_at)
        select $1, nextval('positions'), :stream_id, :source_kind, :source_name, :settings, :sealed_secret,
               :labels::text[], :interval_minutes, true, jsonb_build_object(), :now, 0, :now
        from hold
        returning source_id, stream_id
    ),
    announced as (
        {announce(STREAM_SOURCE_CREATED, "inserted", position="source_id", at=":now")}
    )
    select source_id from inserted
""")  # noqa: S608 - fixed parts
COLUMNS = Columns(
    SourceChanges, key=("stream_key", "source_id"), names={"secret": "sealed_secret"}, empty={"labels": []}
)
CHANGE = f"""
    with {HOLD},
    changed as (
        update stream_sources as s
        set {COLUMNS.assignments("s", "$4")}, next_at = $5, fail_count = 0
        where s.account_id = $1 and s.stream_id = $2 and s.source_id = $3
        returning s.source_id, s.stream_id
    ),
    announced as (
        {announce(STREAM_SOURCE_UPDATED, "changed", at="$5", fields="$6::text[]")}
    )
    select source_id from changed
"""  # noqa: S608 - fixed parts
DELETE = announced_deletion(
    STREAM_SOURCE_DELETED,
    "delete from stream_sources where account_id = $1 and stream_id = $2 and source_id = $3",
    returning="source_id, stream_id",
    at="$4",
)


async def add_source(db: Db, account_id: int, new: NewSource, now: datetime) -> int:
    """Add a source, which is read at once, and return its id; Unknown (404) stream, TooManySources (409)."""
    stream = await stream_by_key(db, account_id, new.stream_key)
    settings = {name: value for name in SETTINGS if (value := getattr(new, name)) is not None}
    async with db.transaction() as tx:
        await tx.execute("select pg_advisory_xact_lock($1)", lock_key("stream_sources", account_id))
        if await tx.value("select count(*) from stream_sources where account_id = $1", account_id) >= MAX_SOURCES:
            raise TooManySources
        source_id: int = await tx.value(
            ADD,
            account_id,
            stream_id=stream.stream_id,
            source_kind=new.source_kind,
            source_name=new.source_name or new.source_kind,
            settings=settings,
            sealed_secret=sealed(new.secret),
            labels=new.labels or [],
            interval_minutes=new.interval_minutes,
            now=now,
        )
    return source_id


def sealed(secret: str | None) -> str | None:
    """Return a secret as it is stored."""
    return secret_keys.seal(PURPOSE, secret.encode()) if secret else None


def unsealed(sealed_secret: str | None) -> str | None:
    """Return the secret of a source; raises NotSealed when its secret key is gone."""
    return secret_keys.unseal(PURPOSE, sealed_secret).decode() if sealed_secret else None


async def change_source(db: Db, account_id: int, changes: SourceChanges, now: datetime) -> int:
    """Change the fields of a source that were sent and return its id; it is read at once. Unknown (404)."""
    stream = await stream_by_key(db, account_id, changes.stream_key)
    fields = COLUMNS.sent_fields(changes)
    secret = {"secret": sealed(fields["secret"])} if "secret" in fields else {}
    record = COLUMNS.record({**fields, **secret})
    place = (account_id, stream.stream_id, changes.source_id)
    if await db.value(CHANGE, *place, record, now, sorted(fields)) is None:
        raise Unknown(source=changes.source_id)
    return changes.source_id


async def delete_source(db: Db, account_id: int, target: OneSource, now: datetime) -> None:
    """Delete a source; its records stay. Unknown (404)."""
    stream = await stream_by_key(db, account_id, target.stream_key)
    if await db.value(DELETE, account_id, stream.stream_id, target.source_id, now) is None:
        raise Unknown(source=target.source_id)


async def seal_again(db: Db, account_id: int) -> None:
    """Seal the secrets of an account with the present secret key, before the one they were sealed with ends."""
    rows = await db.rows(
        "select source_id, sealed_secret from stream_sources"
        " where account_id = $1 and sealed_secret is not null order by source_id",
        account_id,
    )
    for row in rows:
        try:
            secret = secret_keys.unseal(PURPOSE, row["sealed_secret"])
        except NotSealed:
            continue
        await db.execute(
            "update stream_sources set sealed_secret = $4"
            " where account_id = $1 and source_id = $2 and sealed_secret = $3",
            account_id,
            row["source_id"],
            row["sealed_secret"],
            secret_keys.seal(PURPOSE, secret),
        )
