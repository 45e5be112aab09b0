"""HTTP endpoints of streams: the list, the summary, and their management."""

from datetime import datetime

from fanfare.kernel.callers import PUBLIC, SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.streams.actions import streams as actions
from fanfare.streams.queries import managed, summary
from fanfare.streams.queries import streams as queries
from fanfare.streams.schemas.managed import ManagedStream, ManagedStreamQuery
from fanfare.streams.schemas.streams import NewStream, OneStream, Stream, StreamChanges, StreamSaved
from fanfare.streams.schemas.summary import Summary, SummaryQuery


@endpoint.get("/api/v1/streams", scope="streams", key=SECRET, has_etag=True)
async def streams_list(db: Db, account: Account) -> list[Stream]:
    """List the streams of the account with their settings."""
    return await queries.streams(db, account.id)


@endpoint.get("/api/v1/streams/{stream_key}/summary", scope="streams", key=PUBLIC, has_etag=True)
async def streams_summary(db: Db, account: Account, query: SummaryQuery) -> Summary:
    """Return the totals of a stream, of all time or of a window, for all records or those with a label."""
    return await summary.summary(db, account.id, query)


@endpoint.get("/api/v1/manage/streams", scope="manage", key=SECRET)
async def manage_streams_list(db: Db, account: Account, query: ManagedStreamQuery) -> list[ManagedStream]:
    """List the streams with how many records wait in each, and how its sources are."""
    return await managed.managed_streams(db, account.id, query.business_ids)


@endpoint.post("/api/v1/manage/streams", scope="manage", key=SECRET)
async def manage_streams_create(db: Db, account: Account, new: NewStream, now: datetime) -> StreamSaved:
    """Create a stream. 409 for more than 500."""
    return StreamSaved(await actions.create_stream(db, account.id, new, now))


@endpoint.post("/api/v1/manage/streams/{stream_key}", scope="manage", key=SECRET)
async def manage_streams_update(db: Db, account: Account, changes: StreamChanges, now: datetime) -> StreamSaved:
    """Change the fields of a stream that are sent. Records that are there keep their status."""
    return StreamSaved(await actions.change_stream(db, account.id, changes, now))


@endpoint.delete("/api/v1/manage/streams/{stream_key}", scope="manage", key=SECRET)
async def manage_streams_delete(db: Db, account: Account, target: OneStream, now: datetime) -> bool:
    """Delete a stream with its records and sources."""
    await actions.delete_stream(db, account.id, target.stream_key, now)
    return True
