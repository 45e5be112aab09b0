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
from fanfare.storages.gateways.buckets import bucket_of
from fanfare.storages.gateways.faults import StorageFault
from fanfare.storages.schemas.objects import ObjectMeta, ObjectQuery, StorageObject
from fanfare.storages.schemas.storages import OneStorage, StorageTest

TEST_CONTENT = b"Fanfare wrote this object to test the storage, and deletes it at once.\n"


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
        listing = await bucket.listing(prefix, query.last_object_key or "", query.limit)
    except StorageFault as fault:
        raise StorageFailed(fault) from None
    rows = [
        StorageObject(each.object_key, each.object_bytes, unix(each.changed_at) if each.changed_at else None)
        for each in listing.objects
    ]
    last_key = rows[-1].object_key if rows else query.last_object_key
    return Page(ObjectMeta(last_key, len(rows), has_more=listing.has_more), rows)


async def check_storage(db: Db, account: Account, _: Caller, target: OneStorage, __: datetime) -> StorageTest:
    """Write, read and delete a small object, and return what of that failed; Unknown (404)."""
    step = "be written"
    try:
        storage = await storage_target(db, account.id, target.storage_uid)
        bucket = bucket_of(place_of(storage), account.id)
        key = f"{storage.key_prefix}fanfare-test-{secrets.token_hex(8)}.txt"
        await bucket.put(key, TEST_CONTENT, {"content-type": "text/plain"})
        step = "be read"
        head = await bucket.head(key)
        content = await bucket.read(key, 0, head.object_bytes, head.etag)
        step = "be deleted"
        await bucket.delete(key)
    except StorageFault as fault:
        return StorageTest(is_working=False, failure=f"An object cannot {step}: the storage {fault}")
    is_same = content == TEST_CONTENT
    return StorageTest(is_working=is_same, failure=None if is_same else "What was read is not what was written")


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
