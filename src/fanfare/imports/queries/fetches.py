"""Reads which objects of storages are to be read for imports, and claims them for a worker."""

import uuid
from datetime import datetime

import msgspec

from fanfare.kernel.data.db import Db


class Fetch(msgspec.Struct, frozen=True):
    """An object that is read: how much of it is stored, and which of its contents it is, once that is known."""

    import_id: int
    import_uid: uuid.UUID
    file_format: str
    file_bytes: int
    storage_id: int | None
    bucket: str
    object_key: str
    etag: str | None
    object_bytes: int | None
    failure_count: int


async def accounts_due(db: Db, now: datetime) -> list[int]:
    """Return the accounts with an object to be read."""
    # One query for all accounts.
    rows = await db.rows(
        "select distinct account_id from import_fetches"
        " where account_id is not null and due_at <= $1 and lease_ends_at <= $1",
        now,
    )
    return [row["account_id"] for row in rows]


async def fetch_of(db: Db, account_id: int, import_id: int) -> Fetch | None:
    """Return what is read for an import; None if it is not read any more."""
    row = await db.row(
        """
        select i.import_id, i.import_uid, i.file_format, i.file_bytes, i.storage_id, i.bucket, i.object_key, f.etag,
               f.object_bytes, f.failure_count
        from import_fetches f join imports i on i.account_id = $1 and i.import_id = f.import_id
        where f.account_id = $1 and f.import_id = $2 and i.import_state = 'fetching'
        """,
        account_id,
        import_id,
    )
    return Fetch(**row) if row else None
