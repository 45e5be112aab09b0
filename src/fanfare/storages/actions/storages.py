"""Creates, changes and deletes storages, and seals their secrets."""

import uuid
from datetime import datetime
from typing import Any

from asyncpg import ForeignKeyViolationError

from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.storages.gateways.buckets import Place
from fanfare.storages.gateways.faults import StorageRefused
from fanfare.storages.queries.storages import storage_of
from fanfare.storages.schemas.credentials import Credentials
from fanfare.storages.schemas.storages import (
    DEFAULT_REGION,
    NewStorage,
    StorageChanges,
    StorageSaved,
    StorageTarget,
    is_in_path,
    plain_endpoint,
    style_faults,
)
from fanfare.storages.topics import STORAGE_CREATED, STORAGE_DELETED, STORAGE_UPDATED

MAX_STORAGES = 20
SEAL = "secret of a storage"


class TooManyStorages(Conflict):
    """The account has 20 storages; delete some"""


class StorageInUse(Conflict):
    """A schedule of exports writes to this storage"""


CREATE = Sql(f"""
    with {HOLD},
    created as (
        insert into storages (
            account_id, storage_id, storage_uid, storage_name, endpoint, region, bucket, key_prefix, access_key_id,
            sealed_secret, is_path_style, created_at, updated_at)
        select $1, nextval('positions'), gen_random_uuid(), :name, :endpoint, :region, :bucket, :prefix,
               :access_key_id, :sealed_secret, :is_path_style, :now, :now
        from hold
        where (select count(*) from storages where account_id = $1) < :max_count
        returning storage_id, storage_uid
    ),
    announced as (
        {announce(STORAGE_CREATED, "created", position="storage_id", at=":now")}
    )
    select storage_uid from created
""")  # noqa: S608 - fixed parts


async def create_storage(db: Db, account_id: int, new: NewStorage, now: datetime) -> StorageSaved:
    """Create a storage, whose secret is sealed; Conflict (409) when there are 20."""
    storage_uid = await db.value(
        CREATE,
        account_id,
        name=new.name,
        endpoint=plain_endpoint(new.endpoint),
        region=new.region or DEFAULT_REGION,
        bucket=new.bucket,
        prefix=new.prefix or "",
        access_key_id=new.access_key_id,
        sealed_secret=secret_keys.seal(SEAL, new.secret.encode()),
        is_path_style=is_in_path(new.endpoint, new.bucket) if new.is_path_style is None else new.is_path_style,
        max_count=MAX_STORAGES,
        now=now,
    )
    if storage_uid is None:
        raise TooManyStorages
    return StorageSaved(storage_uid)


COLUMNS = Columns(
    StorageChanges,
    key=("storage_uid",),
    names={"name": "storage_name", "prefix": "key_prefix", "secret": "sealed_secret"},
    empty={"prefix": ""},
)
CHANGE = f"""
    with {HOLD},
    updated as (
        update storages as s set {COLUMNS.assignments("s", "$3")}, updated_at = $4
        where s.account_id = $1 and s.storage_uid = $2
        returning s.storage_uid
    ),
    announced as (
        {announce(STORAGE_UPDATED, "updated", at="$4", fields="$5::text[]")}
    )
    select storage_uid from updated
"""  # noqa: S608 - fixed parts


async def change_storage(db: Db, account_id: int, changes: StorageChanges, now: datetime) -> StorageSaved:
    """Change the fields of a storage that were sent; Unknown (404). What is on its way goes on with them."""
    fields: dict[str, Any] = COLUMNS.sent_fields(changes)
    values = {**fields}
    if any(each is not None for each in (changes.bucket, changes.is_path_style, changes.endpoint)):
        await _check_style(db, account_id, changes)
    if changes.secret is not None:
        values["secret"] = secret_keys.seal(SEAL, changes.secret.encode())
    if changes.endpoint is not None:
        values["endpoint"] = plain_endpoint(changes.endpoint)
    if await db.value(CHANGE, account_id, changes.storage_uid, COLUMNS.record(values), now, sorted(fields)) is None:
        raise Unknown(storage=changes.storage_uid)
    return StorageSaved(changes.storage_uid)


async def _check_style(db: Db, account_id: int, changes: StorageChanges) -> None:
    """Refuse (422) a bucket that cannot be where it is to be; Unknown (404)."""
    storage = await storage_of(db, account_id, changes.storage_uid)
    is_path_style = storage.is_path_style if changes.is_path_style is None else changes.is_path_style
    endpoint, bucket = changes.endpoint or storage.endpoint, changes.bucket or storage.bucket
    if wrong := list(style_faults(endpoint, bucket, is_path_style=is_path_style)):
        raise BadParameters(wrong)


DELETE = announced_deletion(
    STORAGE_DELETED, "delete from storages where account_id = $1 and storage_uid = $2", returning="storage_uid"
)


async def delete_storage(db: Db, account_id: int, storage_uid: uuid.UUID, now: datetime) -> None:
    """Delete a storage; what is in its bucket stays. Unknown (404), StorageInUse (409) while a schedule names it."""
    try:
        async with db.transaction() as tx:
            if await tx.value(DELETE, account_id, storage_uid, now) is None:
                raise Unknown(storage=storage_uid)
    except ForeignKeyViolationError:
        raise StorageInUse from None


TARGET = """
    select storage_id, endpoint, region, bucket, key_prefix, access_key_id, sealed_secret, is_path_style
    from storages where account_id = $1 and (storage_uid = $2 or storage_id = $3)
"""


async def storage_target(
    db: Db, account_id: int, storage_uid: uuid.UUID | None, storage_id: int | None = None
) -> StorageTarget:
    """Return a storage with its secret, by its uid or its id; Unknown (404), StorageRefused for a lost secret key."""
    row = await db.row(TARGET, account_id, storage_uid, storage_id)
    if row is None:
        raise Unknown(storage=storage_uid or storage_id or 0)
    try:
        secret = secret_keys.unseal(SEAL, row["sealed_secret"]).decode()
    except NotSealed:
        message = "has a secret that cannot be read any more; set it again"
        raise StorageRefused(message) from None
    return StorageTarget(
        row["storage_id"],
        row["endpoint"],
        row["bucket"],
        row["key_prefix"],
        Credentials(row["access_key_id"], secret, row["region"]),
        row["is_path_style"],
    )


def place_of(target: StorageTarget, bucket: str | None = None) -> Place:
    """Return where the objects of a storage are, in its bucket or the one that it had."""
    return Place(target.endpoint, bucket or target.bucket, target.credentials, target.is_path_style)


async def seal_again(db: Db, account_id: int) -> None:
    """Seal the secrets of an account with the present secret key, before the one they were sealed with ends."""
    rows = await db.rows(
        "select storage_id, sealed_secret from storages where account_id = $1 order by storage_id", account_id
    )
    for row in rows:
        try:
            secret = secret_keys.unseal(SEAL, row["sealed_secret"])
        except NotSealed:
            continue
        await db.execute(
            "update storages set sealed_secret = $4 where account_id = $1 and storage_id = $2 and sealed_secret = $3",
            account_id,
            row["storage_id"],
            row["sealed_secret"],
            secret_keys.seal(SEAL, secret),
        )
