"""Deletes files of exports: old ones, and those that may contain a fan who was erased."""

from datetime import datetime

from fanfare.exports.actions.endings import FILES_LOCK, abandon
from fanfare.exports.actions.objects import name_objects
from fanfare.exports.queries import objects
from fanfare.exports.schemas.schedules import stored_search
from fanfare.exports.topics import EXPORT_SCHEDULE_UPDATED
from fanfare.fans.followers import Person
from fanfare.kernel.data import files
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.segments.actions.followers import without_person

# Exports have no fan_id: their files may contain anybody.
TABLES = ()
BATCH = 100


async def forget_old_files(db: Db, account_id: int, now: datetime) -> None:
    """Delete the files of exports whose time is over."""
    rows = None
    while rows is None or len(rows) == BATCH:
        async with db.transaction() as tx:
            rows = await tx.rows(
                """
                update exports set has_file = false
                where account_id = $1 and export_id in (
                    select export_id from exports
                    where account_id = $1 and has_file and export_state not in ('running', 'delivering')
                      and updated_at < $2::timestamptz - make_interval(days => retention_days)
                    order by export_id limit $3)
                returning export_uid
                """,
                account_id,
                now,
                BATCH,
            )
            for row in rows:
                await files.delete_file(tx, account_id, row["export_uid"])


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Leave files as they are: they say what was there at their watermark."""


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Do nothing: `forget_person` deletes the files once for all ids of the fan."""


FORGET_PERSON = f"""
    with {HOLD},
    updated as (
        update export_schedules s
        set search = changed.search, updated_at = $3
        from jsonb_to_recordset($2::jsonb) as changed (schedule_id bigint, search jsonb)
        where s.account_id = $1 and s.schedule_id = changed.schedule_id
        returning s.schedule_uid
    )
    {announce(EXPORT_SCHEDULE_UPDATED, "updated", at="$3", fields="jsonb_build_array('search')")}
"""  # noqa: S608 - fixed parts


async def forget_person(db: Db, account_id: int, person: Person, now: datetime) -> None:
    """Delete all files: any may contain the person. Exports that run start again, also those on their way to a storage.

    Schedules lose the name. What was complete at a storage before is not ours; what is there of a file on its way is
    deleted later, if the storage allows it. `count_objects` says how much both are.
    """
    await db.value("select pg_advisory_xact_lock($1)", lock_key(FILES_LOCK, account_id))
    await _forget_name(db, account_id, person.alone(), now)
    await abandon(db, account_id, None, now)
    # After it, since no worker begins an object any more.
    await name_objects(db, account_id, None, now)
    rows = await db.rows(
        """
        update exports
        set has_file = export_state in ('running', 'delivering'), has_rows = false, updated_at = $2,
            last_key = 0, last_place = null,
            export_state = case export_state when 'delivering' then 'running' else export_state end,
            row_count = case when export_state in ('running', 'delivering') then 0 else row_count end,
            content_bytes = case when export_state in ('running', 'delivering') then 0 else content_bytes end,
            file_bytes = case when export_state in ('running', 'delivering') then 0 else file_bytes end,
            checksum = 0
        where account_id = $1 and has_file
        returning export_uid
        """,
        account_id,
        now,
    )
    for row in rows:
        await files.delete_file(db, account_id, row["export_uid"])


async def count_objects(db: Db, account_id: int, since: datetime) -> int:
    """Return how many files at storages may contain a fan who was here since then; in the erasure's transaction."""
    return await objects.count_objects(db, account_id, since)


async def _forget_name(db: Db, account_id: int, person: Person, now: datetime) -> None:
    rows = await db.rows(
        """
        select schedule_id, search from export_schedules
        where account_id = $1 and search is not null order by schedule_id for update
        """,
        account_id,
    )
    pairs = [(row, without_person(stored_search(row["search"]), person)) for row in rows]
    changes = [{"schedule_id": row["schedule_id"], "search": new} for row, new in pairs if new != row["search"]]
    if changes:
        await db.execute(FORGET_PERSON, account_id, changes, now)
