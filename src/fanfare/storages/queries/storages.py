"""Reads storages."""

import uuid

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.storages.schemas.storages import Storage

COLUMNS = """
    storage_uid, storage_name as name, endpoint, region, bucket, key_prefix as prefix, access_key_id, is_path_style,
    floor(extract(epoch from tested_at))::bigint as test_timestamp, test_failure,
    floor(extract(epoch from created_at))::bigint as creation_timestamp,
    floor(extract(epoch from updated_at))::bigint as last_update_timestamp
"""


async def storages(db: Db, account_id: int) -> list[Storage]:
    """Return the storages of an account by name, without their secrets."""
    rows = await db.rows(
        f"select {COLUMNS} from storages where account_id = $1 order by storage_name, storage_id",  # noqa: S608 - fixed parts
        account_id,
    )
    return [Storage(**row) for row in rows]


async def storage_of(db: Db, account_id: int, storage_uid: uuid.UUID) -> Storage:
    """Return a storage without its secret; Unknown (404)."""
    row = await db.row(
        f"select {COLUMNS} from storages where account_id = $1 and storage_uid = $2",  # noqa: S608 - fixed parts
        account_id,
        storage_uid,
    )
    if row is None:
        raise Unknown(storage=storage_uid)
    return Storage(**row)
