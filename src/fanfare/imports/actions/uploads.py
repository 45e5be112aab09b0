"""Receives the file of an import in parts, each stored before the next one is read."""

from datetime import datetime

from fanfare.imports.actions.states import WrongState
from fanfare.imports.actions.storing import Arrival, WrongOffset, append_part, complete_file
from fanfare.imports.queries.imports import import_of
from fanfare.imports.readers.rows import MAX_FILE_BYTES
from fanfare.imports.schemas.imports import FilePart, ImportSaved
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.files import PART_BYTES
from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.errors import TooLarge


async def receive_file(db: Db, account_id: int, part: FilePart, upload: Upload, now: datetime) -> ImportSaved:
    """Store a file from an offset on; when it is complete it is inspected.

    What was stored before a connection ended stays. Conflict (409) if the import has its file, or another length, or
    if the account's files have no room.
    """
    target = await import_of(db, account_id, part.import_uid)
    if target.state != "uploading":
        raise WrongState(target.state)
    offset = part.offset or 0
    if offset != target.file_bytes:
        raise WrongOffset
    arrival = Arrival(target.import_uid, target.format, "uploading")
    async for content in upload.parts(PART_BYTES):
        if offset + len(content) > MAX_FILE_BYTES:
            message = f"the file is larger than {MAX_FILE_BYTES} bytes; split it"
            raise TooLarge(message)
        await append_part(db, account_id, arrival, offset, content, now)
        offset += len(content)
    if part.is_last is False:
        return ImportSaved(part.import_uid, "uploading", offset)
    return ImportSaved(part.import_uid, await complete_file(db, account_id, arrival, offset, now), offset)
