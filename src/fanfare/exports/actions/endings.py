"""How exports end: each end is one statement that announces it, also for the schedule of the export."""

from datetime import datetime

from fanfare.exports.schemas.exports import CurrentExport
from fanfare.exports.topics import EXPORT_COMPLETED, EXPORT_FAILED, EXPORT_SCHEDULE_COMPLETED, EXPORT_SCHEDULE_FAILED
from fanfare.kernel.data import files
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db

OF_SCHEDULE = """(
        select s.schedule_uid, ended.export_uid from ended
        join export_schedules s on s.account_id = $1 and s.schedule_id = ended.schedule_id) as of_schedule"""
COMPLETE = f"""
    with {HOLD},
    ended as (
        update exports set export_state = 'completed', finished_at = $3, updated_at = $3, sha256 = $4
        where account_id = $1 and export_id = $2 and export_state in ('running', 'delivering')
        returning export_uid, row_count, file_bytes, schedule_id
    )
    {announce(EXPORT_COMPLETED, "ended", at="$3")}
    {also(EXPORT_SCHEDULE_COMPLETED, OF_SCHEDULE, at="$3")}
"""  # noqa: S608 - fixed parts
FAIL = f"""
    with {HOLD},
    ended as (
        update exports set export_state = 'failed', has_file = false, finished_at = $3, updated_at = $3, failure = $4
        where account_id = $1 and export_id = $2
        returning export_uid, schedule_id
    ),
    announced as (
        {announce(EXPORT_FAILED, "ended", at="$3")}
        {also(EXPORT_SCHEDULE_FAILED, OF_SCHEDULE, at="$3")}
    )
    select export_uid from ended
"""  # noqa: S608 - fixed parts
DELIVER = """
    with ended as (
        update exports set export_state = 'delivering', updated_at = $3, sha256 = $4, failure_count = 0
        where account_id = $1 and export_id = $2
        returning export_id, storage_id, bucket, object_key
    )
    insert into export_deliveries (account_id, delivery_id, export_id, storage_id, bucket, object_key, created_at,
                                   due_at)
    select $1, nextval('positions'), export_id, storage_id, bucket, object_key, $3, $3 from ended
"""
# Whoever has one of them sees it when it writes down its next part; what a storage has of it is deleted by a turn.
ABANDON = """
    with deleted as (
        delete from export_deliveries
        where account_id = $1 and (export_id = $2 or $2::bigint is null) and upload_key is null
    )
    update export_deliveries set is_abandoned = true, failure_count = 0, due_at = $3, lease_ends_at = '-infinity'
    where account_id = $1 and (export_id = $2 or $2::bigint is null) and upload_key is not null
"""


async def abandon(db: Db, account_id: int, export_id: int | None, now: datetime) -> None:
    """Write the file of an export, or of all of an account, no further; what storages have of it is deleted."""
    await db.execute(ABANDON, account_id, export_id, now)


async def complete(db: Db, account_id: int, current: CurrentExport, now: datetime, digest: bytes) -> None:
    """Complete an export whose file is written, or have it written to its storage first."""
    statement = DELIVER if current.has_destination else COMPLETE
    await db.execute(statement, account_id, current.export_id, now, digest)


async def fail(db: Db, account_id: int, export_id: int, now: datetime, description: str) -> None:
    """End an export without a file."""
    async with db.transaction() as tx:
        await abandon(tx, account_id, export_id, now)
        export_uid = await tx.value(FAIL, account_id, export_id, now, description)
        if export_uid is not None:
            await files.delete_file(tx, account_id, export_uid)
