"""Receives the file of an import in parts, each stored before the next one is read."""

from datetime import datetime

from fanfare.imports.actions.states import WrongState
from fanfare.imports.queries.imports import import_of
from fanfare.imports.schemas.imports import MAX_FILE_BYTES, FilePart, ImportSaved
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.files import PART_BYTES
from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.errors import Conflict, TooLarge


class WrongOffset(Conflict):
    """The file has another length than the offset says; continue from file_bytes"""


# One part: refused, by writing nothing, unless the file ends at its offset.
APPEND = """
    with appended as (
        update imports set file_bytes = $3::bigint + octet_length($4::bytea), updated_at = $5
        where account_id = $1 and import_uid = $2 and import_state = 'uploading' and file_bytes = $3
        returning import_uid
    )
    insert into file_parts (account_id, file_uid, part_offset, content)
    select $1, import_uid, $3, $4 from appended
"""
COMPLETE = """
    update imports set import_state = 'inspecting', uploaded_at = $4, updated_at = $4
    where account_id = $1 and import_uid = $2 and import_state = 'uploading' and file_bytes = $3
    returning true
"""


async def receive_file(db: Db, account_id: int, part: FilePart, upload: Upload, now: datetime) -> ImportSaved:
    """Store a file from an offset on; when it is complete it is inspected.

    What was stored before a connection ended stays. Conflict (409) if the import has its file, or another length.
    """
    target = await import_of(db, account_id, part.import_uid)
    if target.state != "uploading":
        raise WrongState(target.state)
    offset = part.offset or 0
    if offset != target.file_bytes:
        raise WrongOffset
    async for content in upload.parts(PART_BYTES):
        if offset + len(content) > MAX_FILE_BYTES:
            message = f"the file is larger than {MAX_FILE_BYTES} bytes; split it"
            raise TooLarge(message)
        if await db.execute(APPEND, account_id, part.import_uid, offset, content, now) != "INSERT 0 1":
            raise WrongOffset
        offset += len(content)
    if part.is_last is False:
        return ImportSaved(part.import_uid, "uploading", offset)
    if not await db.value(COMPLETE, account_id, part.import_uid, offset, now):
        raise WrongOffset
    return ImportSaved(part.import_uid, "inspecting", offset)
