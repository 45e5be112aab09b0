"""Over HTTP: storages and their objects."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.storages.actions import objects
from fanfare.storages.actions import storages as actions
from fanfare.storages.queries import storages as queries
from fanfare.storages.schemas.objects import ObjectMeta, ObjectQuery, StorageObject
from fanfare.storages.schemas.storages import (
    NewStorage,
    OneStorage,
    Storage,
    StorageChanges,
    StorageSaved,
    StorageTest,
)


@endpoint.get("/api/v1/manage/storages", scope="manage", key=SECRET)
async def manage_storages_list(db: Db, account: Account) -> list[Storage]:
    """List the storages to which exports are written and from which imports are read, without their secrets."""
    return await queries.storages(db, account.id)


@endpoint.post("/api/v1/manage/storages", scope="manage", key=SECRET)
async def manage_storages_create(db: Db, account: Account, new: NewStorage, now: datetime) -> StorageSaved:
    """Create a storage: a bucket of an S3-compatible service. 409 when there are 20."""
    return await actions.create_storage(db, account.id, new, now)


@endpoint.get("/api/v1/manage/storages/{storage_uid}", scope="manage", key=SECRET)
async def manage_storages_get(db: Db, account: Account, target: OneStorage) -> Storage:
    """Return a storage without its secret."""
    return await queries.storage_of(db, account.id, target.storage_uid)


@endpoint.post("/api/v1/manage/storages/{storage_uid}", scope="manage", key=SECRET)
async def manage_storages_update(db: Db, account: Account, changes: StorageChanges, now: datetime) -> StorageSaved:
    """Update the fields sent of a storage."""
    return await actions.change_storage(db, account.id, changes, now)


@endpoint.delete("/api/v1/manage/storages/{storage_uid}", scope="manage", key=SECRET)
async def manage_storages_delete(db: Db, account: Account, target: OneStorage, now: datetime) -> bool:
    """Delete a storage; its objects stay. 409 while a schedule of exports writes to it."""
    await actions.delete_storage(db, account.id, target.storage_uid, now)
    return True


@endpoint.post("/api/v1/manage/storages/{storage_uid}/test", scope="manage", key=SECRET, prepare=objects.check_storage)
async def manage_storages_test(
    db: Db, account: Account, target: OneStorage, result: StorageTest, now: datetime
) -> StorageTest:
    """Write, read and delete a small object, and return what of that could not be done."""
    return await objects.note_test(db, account.id, target.storage_uid, result, now)


@endpoint.get("/api/v1/manage/storages/{storage_uid}/objects", scope="manage", key=SECRET, has_conflict=True)
async def manage_storages_objects_list(db: Db, account: Account, query: ObjectQuery) -> Page[ObjectMeta, StorageObject]:
    """List the objects of a storage in the order of their keys. 409 with the reason when it cannot be done."""
    return await objects.objects(db, account.id, query)
