"""The files of an import: its rows, and the workbook or compressed file from which they were read."""

import uuid

from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db

COMPLETE = """
    update imports
    set import_state = 'ready', columns = $3, dialect = $4, mapping = $5, uploaded_at = $6, updated_at = $6
    where account_id = $1 and import_id = $2
"""


def source_uid(import_uid: uuid.UUID) -> uuid.UUID:
    """Return the uid of the workbook or compressed file of an import, whose rows have that of the import."""
    return uuid.uuid5(import_uid, "workbook")


async def delete_files(db: Db, account_id: int, import_uid: uuid.UUID) -> None:
    """Delete the rows of an import, and the file from which they were read, if it has one."""
    for each in (import_uid, source_uid(import_uid)):
        await files.delete_file(db, account_id, each)
