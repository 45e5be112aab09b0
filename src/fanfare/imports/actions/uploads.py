"""Receives the file of an import in parts, each stored before the next one is read."""

import codecs
from datetime import datetime

from fanfare.imports.actions.files import COMPLETE, WORKBOOK, source_uid
from fanfare.imports.actions.inspecting import inspected
from fanfare.imports.actions.states import WrongState, check_state, end_work
from fanfare.imports.queries.imports import USED_BYTES, current_import, import_of, used_bytes
from fanfare.imports.readers.rows import MAX_FILE_BYTES, UnreadableFileError
from fanfare.imports.schemas.imports import MAX_ACCOUNT_BYTES, FilePart, ImportSaved, State
from fanfare.kernel.data.announcements import hold
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.files import PART_BYTES
from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.errors import Conflict, TooLarge

# Bytes that continue a character.
CONTINUATIONS = bytes(range(0x80, 0xC0))


class WrongOffset(Conflict):
    """The file has another length than the offset says; continue from file_bytes"""


class NoRoom(Conflict):
    """The files of the account's imports have no room for more; delete imports that ended"""


# One part: refused, by writing nothing, unless the file ends at its offset and the account has room.
APPEND = f"""
    with appended as (
        update imports
        set file_bytes = $3::bigint + octet_length($4::bytea), is_utf8 = is_utf8 and $6, updated_at = $5
        where account_id = $1 and import_uid = $2 and import_state = 'uploading' and file_bytes = $3
          and ({USED_BYTES}) + octet_length($4::bytea) <= $7
        returning import_uid
    )
    insert into file_parts (account_id, file_uid, part_offset, content)
    select $1, $8, $3, $4 from appended
"""  # noqa: S608 - constants
# A worker reads a workbook, which can take minutes.
CONVERT = """
    update imports set import_state = 'converting', source_bytes = file_bytes, uploaded_at = $3, updated_at = $3
    where account_id = $1 and import_id = $2
"""
MAX_CUT_BYTES = 3


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
    file_uid = source_uid(target.import_uid) if target.format == WORKBOOK else target.import_uid
    async for content in upload.parts(PART_BYTES):
        if offset + len(content) > MAX_FILE_BYTES:
            message = f"the file is larger than {MAX_FILE_BYTES} bytes; split it"
            raise TooLarge(message)
        values = (account_id, part.import_uid, offset, content, now, is_utf8(content), MAX_ACCOUNT_BYTES)
        if await db.execute(APPEND, *values, file_uid) != "INSERT 0 1":
            is_full = await used_bytes(db, account_id) + len(content) > MAX_ACCOUNT_BYTES
            raise NoRoom if is_full else WrongOffset
        offset += len(content)
    if part.is_last is False:
        return ImportSaved(part.import_uid, "uploading", offset)
    return ImportSaved(part.import_uid, await _complete(db, account_id, part, offset, now), offset)


def is_utf8(content: bytes) -> bool:
    """Return whether a part of a file is UTF-8, but for a character that its begin or end cuts."""
    begin = content[:MAX_CUT_BYTES]
    rest = content[len(begin) - len(begin.lstrip(CONTINUATIONS)) :]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(rest)
    except UnicodeDecodeError:
        return False
    return True


async def _complete(db: Db, account_id: int, part: FilePart, offset: int, now: datetime) -> State:
    """Inspect the file of an import and return the state that this leads to."""
    async with db.transaction() as tx:
        current = await current_import(tx, account_id, part.import_uid)
        check_state(current, "uploading")
        if current.file_bytes != offset:
            raise WrongOffset
        if current.file_format == WORKBOOK:
            await tx.execute(CONVERT, account_id, current.import_id, now)
            return "converting"
        try:
            ready = await inspected(tx, account_id, current)
        except UnreadableFileError as wrong:
            await hold(tx, account_id)
            await end_work(tx, account_id, current.import_id, "failed", now, wrong.errors[0][1])
            return "failed"
        await tx.execute(COMPLETE, account_id, ready.import_id, ready.columns, ready.dialect, ready.mapping, now)
    return "ready"
