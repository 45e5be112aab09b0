"""Reads the sources of streams, copies pictures, and deletes what is old."""

from datetime import datetime

from fanfare.accounts.queries import account_ids
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import enqueue, job, schedule
from fanfare.streams.actions import deleting, pictures, reading
from fanfare.streams.actions.sources import seal_again
from fanfare.streams.queries.sources import due_sources


@schedule("* * * * *", each=account_ids)
async def queue_sources(db: Db, account_id: int, now: datetime) -> None:
    """Queue the sources of an account that are to be read now."""
    for source_id in await due_sources(db, account_id, now):
        await enqueue(db, read_source, source_id, key=f"{account_id}:{source_id}")


@job(concurrency=8)
async def read_source(db: Db, source_id: int, now: datetime) -> None:
    """Read one source of the account whose job it is; its own faults are written down with it."""
    if db.account_id is not None:
        await reading.read_source(db, db.account_id, source_id, now)


# Decoding takes up to 130 MB.
@job(max_attempts=4, concurrency=2)
async def copy_pictures(db: Db, record_id: int, now: datetime) -> None:
    """Copy the pictures of a record of the account whose job it is."""
    if db.account_id is not None:
        await pictures.copy_pictures(db, db.account_id, record_id, now)


@schedule("*/15 * * * *", each=account_ids)
async def forget_records(db: Db, account_id: int, now: datetime) -> None:
    """Delete an account's old records."""
    await deleting.forget_records(db, account_id, now)


# Each by itself: what one of them cannot do stops no other.
@schedule("*/15 * * * *", each=account_ids)
async def forget_streams(db: Db, account_id: int, now: datetime) -> None:  # noqa: ARG001 - the shape of jobs
    """Delete the records and authors of an account's deleted streams, and authors of whom nothing is left."""
    await deleting.forget_streams(db, account_id)
    await deleting.forget_authors(db, account_id)


@schedule("*/15 * * * *", each=account_ids)
async def forget_senders(db: Db, account_id: int, now: datetime) -> None:
    """Clear by whom records were submitted."""
    await deleting.forget_senders(db, account_id, now)


@schedule("*/15 * * * *", each=account_ids)
async def forget_pictures(db: Db, account_id: int, now: datetime) -> None:
    """Delete an account's pictures that nothing shows."""
    await pictures.forget_pictures(db, account_id, now)


@schedule("*/15 * * * *", each=account_ids)
async def seal_secrets(db: Db, account_id: int, now: datetime) -> None:  # noqa: ARG001 - the shape of jobs
    """Seal the secrets of an account's sources with the newest key."""
    await seal_again(db, account_id)
