"""How exports end: each end is one statement that announces it, also for the schedule of the export."""

from datetime import datetime

from fanfare.exports.schemas.exports import CurrentExport
from fanfare.exports.topics import EXPORT_COMPLETED, EXPORT_FAILED, EXPORT_SCHEDULE_COMPLETED, EXPORT_SCHEDULE_FAILED
from fanfare.kernel.data import files
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db

# Shared by whoever writes files of an account; an erasure has it alone, from before it deletes them until it ends.
FILES_LOCK = "files of exports"
OF_SCHEDULE = """(
        select s.schedule_uid, ended.export_uid from ended
        join export_schedules s on s.account_id = $1 and s.schedule_id = ended.schedule_id) as of_schedule"""
# Its number says what was complete before an erasure: the erasure waits for this statement, then takes its own number.
COMPLETE = f"""
    with {HOLD},
    ended as (
        update exports set export_state = 'completed', finished_at = $3, updated_at = $3, sha256 = $4
        where account_id = $1 and export_id = $2 and export_state in ('running', 'delivering')
        returning export_uid, row_count, file_bytes, schedule_id, table_name, storage_id, bucket, object_key
    ),
    placed as (
        insert into export_objects (account_id, object_id, export_uid, table_name, storage_id, endpoint, bucket,
                                    object_key, completed_at)
        select $1, nextval('positions'), e.export_uid, e.table_name, e.storage_id, st.endpoint, e.bucket,
               e.object_key, $3
        from ended e left join storages st on st.account_id = $1 and st.storage_id = e.storage_id
        where e.object_key is not null
    )
    {announce(EXPORT_COMPLETED, "ended", at="$3")}
    {also(EXPORT_SCHEDULE_COMPLETED, OF_SCHEDULE, at="$3")}
"""  # noqa: S608 - fixed parts
FAIL = f"""
    with {HOLD},
    ended as (
        update exports set export_state = 'failed', has_file = $6, finished_at = $3, updated_at = $3, failure = $4
        where account_id = $1 and export_id = $2 and export_state = $5
        returning export_uid, schedule_id
    ),
    announced as (
        {announce(EXPORT_FAILED, "ended", at="$3")}
        {also(EXPORT_SCHEDULE_FAILED, OF_SCHEDULE, at="$3")}
    )
    select export_uid from ended
"""  # noqa: S608 - fixed parts
BEGIN_DELIVERY = """
    with ended as ({0} returning export_id, export_uid, table_name, storage_id, bucket, object_key)
    insert into export_deliveries (account_id, delivery_id, export_id, export_uid, table_name, storage_id, bucket,
                                   object_key, created_at, due_at)
    select $1, nextval('positions'), export_id, export_uid, table_name, storage_id, bucket, object_key, $3, $3
    from ended
    returning export_id
"""
DELIVER = BEGIN_DELIVERY.format("""
    update exports set export_state = 'delivering', updated_at = $3, sha256 = $4, failure_count = 0
    where account_id = $1 and export_id = $2""")
# Of a file that is complete, but was not taken by its storage.
DELIVER_AGAIN = BEGIN_DELIVERY.format("""
    update exports
    set export_state = 'delivering', updated_at = $3, finished_at = null, failure = null, failure_count = 0
    where account_id = $1 and export_id = $2 and export_state = 'failed' and has_file and storage_id is not null""")
# Whoever has one of them keeps its lease, may still be writing the object, and sees it when it writes down what it did.
# What a storage has of it is deleted by a turn, that of whoever has it or the next.
ABANDON = """
    update export_deliveries set is_abandoned = true, failure_count = 0, due_at = $3
    where account_id = $1 and (export_id = $2 or $2::bigint is null) and not is_abandoned
"""
# By the worker that has it.
GIVE_UP = """
    update export_deliveries set is_abandoned = true, failure_count = 0, due_at = $3, lease_ends_at = '-infinity'
    where account_id = $1 and delivery_id = $2 and not is_abandoned
    returning delivery_id
"""


async def abandon(db: Db, account_id: int, export_id: int | None, now: datetime) -> None:
    """Write the file of an export, or of all of an account, no further; what storages have of it is deleted."""
    await db.execute(ABANDON, account_id, export_id, now)


async def complete(db: Db, account_id: int, current: CurrentExport, now: datetime, digest: bytes) -> None:
    """Complete an export whose file is written, or have it written to its storage first."""
    statement = DELIVER if current.has_destination else COMPLETE
    await db.execute(statement, account_id, current.export_id, now, digest)


async def fail(
    db: Db, account_id: int, export_id: int, now: datetime, description: str, delivery_id: int | None = None
) -> None:
    """End an export: one that runs, without a file; or one on its way by a delivery, if that has not ended before.

    The file that a storage did not take stays here, to be fetched or sent again.
    """
    is_complete = delivery_id is not None
    async with db.transaction() as tx:
        if delivery_id is not None and await tx.value(GIVE_UP, account_id, delivery_id, now) is None:
            return
        state = "delivering" if is_complete else "running"
        export_uid = await tx.value(FAIL, account_id, export_id, now, description, state, is_complete)
        if export_uid is not None and not is_complete:
            await files.delete_file(tx, account_id, export_uid)
