"""Deletes files of imports: old ones, and those that may contain a fan who was erased.

Nobody can say in which files of an account a person is, in whichever spelling, without reading all of them. So an
erasure deletes the files of all imports that ended; one that runs refuses the erased person's rows and loses its file
at its end.
"""

from datetime import datetime, timedelta

from fanfare.fans.followers import Person
from fanfare.imports.schemas.imports import CurrentImport
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db

RETENTION = timedelta(days=30)
# Imports have no fan_id: their files may contain anybody.
TABLES = ()
BATCH = 100


async def forget_old_files(db: Db, account_id: int, older_than: datetime) -> None:
    """Delete the files of imports that nobody touched since, and end those that were never run."""
    await _delete_files(
        db,
        account_id,
        """
        update imports
        set has_file = false, import_state = case when import_state in ('uploading', 'ready') then 'failed'
                                                  else import_state end,
            failure = case when import_state in ('uploading', 'ready') then 'its file was deleted because of its age'
                           else failure end
        where account_id = $1 and import_id in (
            select import_id from imports
            where account_id = $1 and has_file and updated_at < $2
              and import_state in ('uploading', 'ready', 'completed', 'failed', 'undone')
            order by import_id limit $3)
        returning import_uid
        """,
        older_than,
    )


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Leave imports as they are: an undo deletes no fan who was merged."""


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Do nothing: `forget_person` deletes the files once for all ids of the fan."""


async def forget_person(db: Db, account_id: int, _: Person, now: datetime) -> None:
    """Delete the files of imports that ended: any may contain the person."""
    await _delete_files(
        db,
        account_id,
        """
        update imports set has_file = false
        where account_id = $1 and import_id in (
            select import_id from imports
            where account_id = $1 and has_file and created_at <= $2
              and import_state in ('completed', 'failed', 'undone')
            order by import_id limit $3)
        returning import_uid
        """,
        now,
    )


async def delete_if_erased(db: Db, account_id: int, current: CurrentImport) -> None:
    """Delete the file of an import that ended if a fan was erased after its upload; in the caller's transaction."""
    rows = await db.rows(
        """
        update imports set has_file = false
        where account_id = $1 and import_id = $2
          and exists (select from erasures e where e.account_id = $1 and e.erased_at >= imports.uploaded_at)
        returning import_uid
        """,
        account_id,
        current.import_id,
    )
    for row in rows:
        await files.delete_file(db, account_id, row["import_uid"])


async def _delete_files(db: Db, account_id: int, mark: str, moment: datetime) -> None:
    """Delete the files of the imports that a statement marks, in batches."""
    rows = None
    while rows is None or len(rows) == BATCH:
        async with db.transaction() as tx:
            rows = await tx.rows(mark, account_id, moment, BATCH)
            for row in rows:
                await files.delete_file(tx, account_id, row["import_uid"])
