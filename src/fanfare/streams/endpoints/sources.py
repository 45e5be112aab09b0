"""HTTP endpoints of the sources of streams."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.streams.actions import sources as actions
from fanfare.streams.queries import sources
from fanfare.streams.schemas.sources import NewSource, OneSource, SourceChanges, SourceSaved, StreamSource
from fanfare.streams.schemas.streams import OneStream


@endpoint.get("/api/v1/manage/streams/{stream_key}/sources", scope="manage", key=SECRET)
async def manage_stream_sources_list(db: Db, account: Account, query: OneStream) -> list[StreamSource]:
    """List the sources of a stream, and when each was read last, with the error if it failed."""
    return await sources.sources(db, account.id, query.stream_key)


@endpoint.post("/api/v1/manage/streams/{stream_key}/sources", scope="manage", key=SECRET)
async def manage_stream_sources_create(db: Db, account: Account, new: NewSource, now: datetime) -> SourceSaved:
    """Add a source, which is read within a minute and from then on regularly. 409 for more than 200 of the account."""
    return SourceSaved(await actions.add_source(db, account.id, new, now))


@endpoint.post("/api/v1/manage/streams/{stream_key}/sources/{source_id}", scope="manage", key=SECRET)
async def manage_stream_sources_update(db: Db, account: Account, changes: SourceChanges, now: datetime) -> SourceSaved:
    """Change the fields of a source that are sent; it is read again within a minute."""
    return SourceSaved(await actions.change_source(db, account.id, changes, now))


@endpoint.delete("/api/v1/manage/streams/{stream_key}/sources/{source_id}", scope="manage", key=SECRET)
async def manage_stream_sources_delete(db: Db, account: Account, target: OneSource, now: datetime) -> bool:
    """Delete a source of a stream. Its records stay."""
    await actions.delete_source(db, account.id, target, now)
    return True
