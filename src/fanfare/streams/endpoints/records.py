"""HTTP endpoints of the records of streams."""

from datetime import datetime

from fanfare.kernel.callers import PUBLIC, SECRET, Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.streams.actions import moderation, submitting
from fanfare.streams.queries import managed
from fanfare.streams.queries import records as queries
from fanfare.streams.schemas.managed import AuthorQuery, ManagedAuthor
from fanfare.streams.schemas.records import (
    AuthorChange,
    AuthorSaved,
    BulkAction,
    ManagedQuery,
    ManagedRecord,
    NewRecord,
    OneRecord,
    RecordAction,
    RecordFilter,
    RecordPageMeta,
    RecordSaved,
    RecordsChanged,
    StreamRecord,
)


@endpoint.get("/api/v1/streams/{stream_key}/records", scope="streams", key=PUBLIC, has_etag=True)
async def streams_records_search(
    db: Db, account: Account, query: RecordFilter
) -> Page[RecordPageMeta, StreamRecord]:  # fmt: skip
    """Return approved records of a stream, those that were approved last first; with min_time_key the next ones.

    A reader that follows meta.max_time_key sees each approved record once. creation_timestamp is that of the source.
    """
    return await queries.search(db, account.id, query)


@endpoint.post("/api/v1/streams/{stream_key}/records", scope="streams", key=PUBLIC)
async def streams_records_create(
    db: Db, account: Account, new: NewRecord, caller: Caller, now: datetime
) -> RecordSaved:  # fmt: skip
    """Submit a record. The stream's trust level decides whether it is published at once; with the secret it is.

    429 for an author who has submitted as many as the stream allows in an hour.
    """
    return RecordSaved(await submitting.submit(db, account.id, new, caller, now))


@endpoint.get("/api/v1/streams/{stream_key}/records/{feed_record_id}", scope="streams", key=PUBLIC, has_etag=True)
async def streams_records_get(db: Db, account: Account, query: OneRecord, caller: Caller) -> StreamRecord:
    """Return one record of a stream; without the secret, an approved one."""
    return await queries.record(db, account.id, query, caller)


@endpoint.post("/api/v1/streams/{stream_key}/records/{feed_record_id}", scope="streams", key=SECRET)
async def streams_records_action(db: Db, account: Account, order: RecordAction, now: datetime) -> RecordSaved:
    """Approve or remove a record, or attach or detach a label. A repeated action has no further effect."""
    return RecordSaved(await moderation.moderate(db, account.id, order, now))


@endpoint.get("/api/v1/manage/streams/{stream_key}/records", scope="manage", key=SECRET)
async def manage_stream_records_list(db: Db, account: Account, query: ManagedQuery) -> ArrayPage[ManagedRecord]:
    """List the records of a stream with their status, such as those that wait, the first stored first."""
    return await queries.managed_records(db, account.id, query)


@endpoint.get("/api/v1/manage/streams/{stream_key}/records/{feed_record_id}", scope="manage", key=SECRET)
async def manage_stream_records_get(db: Db, account: Account, query: OneRecord) -> ManagedRecord:
    """Return one record of a stream with its status."""
    return await queries.managed_record(db, account.id, query)


@endpoint.get("/api/v1/manage/streams/{stream_key}/authors", scope="manage", key=SECRET)
async def manage_stream_authors_list(db: Db, account: Account, query: AuthorQuery) -> ArrayPage[ManagedAuthor]:
    """List the authors of a stream, newest first, with what is stored of each.

    Send the header X-Next-Cursor back as `cursor` to continue.
    """
    return await managed.managed_authors(db, account.id, query)


@endpoint.post("/api/v1/manage/streams/{stream_key}/records/moderate", scope="manage", key=SECRET)
async def manage_stream_records_moderate(db: Db, account: Account, order: BulkAction, now: datetime) -> RecordsChanged:
    """Approve, remove, label or unlabel up to 500 records at once, or let them wait again."""
    return RecordsChanged(await moderation.moderate_all(db, account.id, order, now))


@endpoint.post("/api/v1/manage/streams/{stream_key}/authors/{author_id}", scope="manage", key=SECRET)
async def manage_stream_authors_update(db: Db, account: Account, change: AuthorChange, now: datetime) -> AuthorSaved:
    """Trust or block an author of a stream. The records of one who is blocked are removed."""
    return AuthorSaved(await moderation.change_author(db, account.id, change, now))
