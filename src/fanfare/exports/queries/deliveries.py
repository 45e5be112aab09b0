"""Reads what is on its way to storages, and claims it for a worker."""

from datetime import datetime

import msgspec

from fanfare.exports.queries.exports import COLUMNS, SOURCE
from fanfare.exports.schemas.exports import Export
from fanfare.kernel.data.db import Db


class Delivery(msgspec.Struct, frozen=True):
    """A file on its way to a storage: where it goes, and which of its parts are there."""

    delivery_id: int
    export_id: int
    storage_id: int | None
    bucket: str
    object_key: str
    is_abandoned: bool
    has_object: bool
    upload_key: str | None
    part_bytes: int
    part_etags: list[str]
    failure_count: int
    created_at: datetime


async def accounts_due(db: Db, now: datetime) -> list[int]:
    """Return the accounts with a file to be written to a storage."""
    # One query for all accounts.
    rows = await db.rows(
        "select distinct account_id from export_deliveries"
        " where account_id is not null and due_at <= $1 and lease_ends_at <= $1",
        now,
    )
    return [row["account_id"] for row in rows]


async def delivery_of(db: Db, account_id: int, delivery_id: int) -> Delivery | None:
    """Return a delivery; None if it is not there any more."""
    row = await db.row(
        """
        select delivery_id, export_id, storage_id, bucket, object_key, is_abandoned, has_object, upload_key,
               part_bytes, part_etags, failure_count, created_at
        from export_deliveries where account_id = $1 and delivery_id = $2
        """,
        account_id,
        delivery_id,
    )
    return Delivery(**row) if row else None


async def delivering_export(db: Db, account_id: int, export_id: int) -> Export | None:
    """Return an export whose file is on its way; None if it was deleted, or begun again."""
    row = await db.row(
        f"""
        select {COLUMNS} from {SOURCE}
        where e.account_id = $1 and e.export_id = $2 and e.export_state = 'delivering'
        """,  # noqa: S608 - fixed parts
        account_id,
        export_id,
    )
    return Export(**row) if row else None
