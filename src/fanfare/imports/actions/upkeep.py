"""Deletes files of imports: old ones, and those that may contain a fan who was erased.

Nobody can say in which files of an account a person is, in whichever spelling, without reading all of them. So an
erasure deletes the files of all imports that no worker works on; one that runs refuses the erased person's rows and
loses its file at its end.
"""

from datetime import datetime, timedelta

from fanfare.fans.followers import Person
from fanfare.imports.actions.files import delete_files
from fanfare.imports.schemas.imports import CurrentImport
from fanfare.imports.topics import IMPORT_FAILED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db

RETENTION = timedelta(days=30)
# Imports have no fan_id: their files may contain anybody.
TABLES = ()
BATCH = 100
ERASED = "a fan was erased: upload the file again"


# Deletes the files of imports that a condition names and no worker works on; those that were not yet run fail. A worker
# locks its import and may wait for fans whom an erasure has locked: so its row is skipped, not waited for. The end of
# an upload, which inspects the file, is waited for: it waits for nobody, and leaves the import ready. An object may be
# on its way from a storage while nothing of it is stored: its import ends, and then refuses the piece.
MARK = f"""
    with {HOLD},
    due as materialized (
        select import_id, import_state in ('uploading', 'fetching', 'converting', 'ready') as is_open from imports
        where account_id = $1 and has_file and (file_bytes > 0 or import_state = 'fetching') and {{condition}}
          and import_state in ('uploading', 'fetching', 'converting', 'ready', 'completed', 'failed', 'undone')
        order by import_id limit $2 for no key update {{locked}}
    ),
    marked as (
        update imports i
        set has_file = false, import_state = case when due.is_open then 'failed' else i.import_state end,
            failure = case when due.is_open then $3 else i.failure end
        from due where i.account_id = $1 and i.import_id = due.import_id
        returning i.import_uid, due.is_open
    ),
    announced as (
        {announce(IMPORT_FAILED, "marked where is_open", at="$4")}
    )
    select import_uid from marked
"""  # noqa: S608 - fixed parts
OLD = MARK.format(condition="updated_at < $5", locked="skip locked")
# However new they are: an erasure can wait long, and files arrive meanwhile.
UPLOADED = MARK.format(condition="true", locked="skip locked")
UPLOADING = MARK.format(condition="import_state in ('uploading', 'fetching')", locked="")


async def forget_old_files(db: Db, account_id: int, older_than: datetime, now: datetime) -> None:
    """Delete the files of imports that nobody touched since, and end those that were never run."""
    await _delete_files(db, account_id, OLD, "its file was deleted because of its age", now, older_than)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Leave imports as they are: an undo deletes no fan who was merged."""


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Do nothing: `forget_person` deletes the files once for all ids of the fan."""


async def forget_person(db: Db, account_id: int, _: Person, now: datetime) -> None:
    """Delete the files of imports that no worker works on: any may contain the person."""
    await _delete_files(db, account_id, UPLOADING, ERASED, now)
    await _delete_files(db, account_id, UPLOADED, ERASED, now)


async def has_erasure(db: Db, account_id: int, current: CurrentImport) -> bool:
    """Return whether a fan was erased after the upload of an import."""
    sql = "select exists (select from erasures where account_id = $1 and erased_at >= $2)"
    return bool(await db.value(sql, account_id, current.uploaded_at))


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
        await delete_files(db, account_id, row["import_uid"])


async def _delete_files(db: Db, account_id: int, mark: str, failure: str, now: datetime, *moment: datetime) -> None:
    """Delete the files of the imports that a statement marks, in batches."""
    rows = None
    while rows is None or len(rows) == BATCH:
        async with db.transaction() as tx:
            rows = await tx.rows(mark, account_id, BATCH, failure, now, *moment)
            for row in rows:
                await delete_files(tx, account_id, row["import_uid"])
