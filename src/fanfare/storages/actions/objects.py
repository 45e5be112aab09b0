"""Lists the objects of a storage, and tests it; a call to the service is never made within a transaction."""

import secrets
import uuid
from datetime import datetime

from fanfare.kernel.callers import Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.errors import Conflict
from fanfare.kernel.wire import unix
from fanfare.storages.actions.storages import place_of, storage_target
from fanfare.storages.gateways.answers import Listing
from fanfare.storages.gateways.buckets import Bucket, bucket_of
from fanfare.storages.gateways.faults import StorageFault
from fanfare.storages.schemas.objects import ObjectMeta, ObjectQuery, StorageObject
from fanfare.storages.schemas.storages import OneStorage, StorageTest

TEST_CONTENT = b"Fanfare wrote this object to test the storage, and deletes it at once.\n"
# A call reads so many pages that have nothing for it.
MAX_PAGES = 5


class StorageFailed(Conflict):
    """The storage does not do what it is asked"""

    def __init__(self, fault: StorageFault) -> None:
        """`fault` says why, without anything secret."""
        super().__init__(f"The storage {fault}")


async def objects(db: Db, account_id: int, query: ObjectQuery) -> Page[ObjectMeta, StorageObject]:
    """Return the objects of a storage in the order of their keys; Unknown (404), StorageFailed (409)."""
    try:
        target = await storage_target(db, account_id, query.storage_uid)
        prefix = f"{target.key_prefix}{query.prefix or ''}"
        bucket = bucket_of(place_of(target), account_id)
        listing = await _listing(bucket, prefix, query.last_object_key or "", query.limit)
    except StorageFault as fault:
        raise StorageFailed(fault) from None
    rows = [
        StorageObject(each.object_key, each.object_bytes, unix(each.changed_at) if each.changed_at else None)
        for each in listing.objects
    ]
    last_key = rows[-1].object_key if rows else query.last_object_key
    return Page(ObjectMeta(last_key, len(rows), has_more=listing.has_more), rows)


async def _listing(bucket: Bucket, prefix: str, last_key: str, limit: int) -> Listing:
    """Return the next objects whose keys can be stored; StorageFault when many pages have none."""
    for _ in range(MAX_PAGES):
        listing = await bucket.listing(prefix, last_key, limit)
        if listing.objects or not listing.has_more:
            return listing
        last_key = listing.last_key
    message = "lists only objects whose keys cannot be stored"
    raise StorageFault(message)


async def check_storage(db: Db, account: Account, _: Caller, target: OneStorage, __: datetime) -> StorageTest:
    """Write, read and delete a small object, and return what of that failed; Unknown (404)."""
    try:
        storage = await storage_target(db, account.id, target.storage_uid)
        bucket = bucket_of(place_of(storage), account.id)
        key = f"{storage.key_prefix}fanfare-test-{secrets.token_hex(8)}.txt"
        await bucket.put(key, TEST_CONTENT, {"content-type": "text/plain"})
    except StorageFault as fault:
        return StorageTest(is_working=False, failure=f"An object cannot be written: the storage {fault}")
    try:
        failure = await _reading_failure(bucket, key)
    finally:
        # Whatever reading found: the object is not to stay.
        deletion_failure = await _deletion_failure(bucket, key)
    failure = failure or deletion_failure
    return StorageTest(is_working=failure is None, failure=failure)


async def _reading_failure(bucket: Bucket, key: str) -> str | None:
    """Return why the object of a test cannot be read, or is another one; None if it is as it was written."""
    try:
        head = await bucket.head(key)
        content = b""
        # The service says how long the object is; no more is read than was written.
        if head.object_bytes == len(TEST_CONTENT):
            content = await bucket.read(key, 0, len(TEST_CONTENT), head.etag)
    except StorageFault as fault:
        return f"An object cannot be read: the storage {fault}"
    return None if content == TEST_CONTENT else "What was read is not what was written"


async def _deletion_failure(bucket: Bucket, key: str) -> str | None:
    try:
        await bucket.delete(key)
    except StorageFault as fault:
        return f"An object cannot be deleted: the storage {fault}"
    return None


async def note_test(db: Db, account_id: int, storage_uid: uuid.UUID, test: StorageTest, now: datetime) -> StorageTest:
    """Write down the result of a test, which was made before the transaction of the call, and return it."""
    await db.execute(
        "update storages set tested_at = $3, test_failure = $4 where account_id = $1 and storage_uid = $2",
        account_id,
        storage_uid,
        now,
        test.failure,
    )
    return test
