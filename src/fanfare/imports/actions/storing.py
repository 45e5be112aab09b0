"""Stores the file of an import part by part, and inspects it when it is complete."""

import uuid
from datetime import datetime

import msgspec

from fanfare.imports.actions.files import COMPLETE, source_uid
from fanfare.imports.actions.inspecting import inspected
from fanfare.imports.actions.states import check_state, end_work
from fanfare.imports.queries.imports import USED_BYTES, current_import, used_bytes
from fanfare.imports.readers.encodings import is_utf8
from fanfare.imports.readers.rows import GZIP, WORKBOOK, UnreadableFileError
from fanfare.imports.schemas.imports import COMPRESSIBLE, MAX_ACCOUNT_BYTES, CurrentImport, State
from fanfare.kernel.data import files
from fanfare.kernel.data.announcements import hold
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict


class WrongOffset(Conflict):
    """The file has another length than the offset says; continue from file_bytes"""


class NoRoom(Conflict):
    """The files of the account's imports have no room for more; delete imports that ended"""


# One part: refused, by writing nothing, unless the file ends at its offset and the account has room.
APPEND = f"""
    with appended as (
        update imports
        set file_bytes = $3::bigint + octet_length($4::bytea), is_utf8 = is_utf8 and $6, updated_at = $5
        where account_id = $1 and import_uid = $2 and import_state = $9 and file_bytes = $3
          and ({USED_BYTES}) + octet_length($4::bytea) <= $7
        returning import_uid
    )
    insert into file_parts (account_id, file_uid, part_offset, content)
    select $1, $8, $3, $4 from appended
"""  # noqa: S608 - constants
# A worker reads a workbook, and unpacks a compressed file, which can take minutes.
CONVERT = """
    update imports set import_state = 'converting', source_bytes = file_bytes, uploaded_at = $3, updated_at = $3
    where account_id = $1 and import_id = $2
"""


class Arrival(msgspec.Struct, frozen=True):
    """A file that arrives: of which import, in which format, and in which state of the import."""

    import_uid: uuid.UUID
    file_format: str
    state: State

    @property
    def file_uid(self) -> uuid.UUID:
        """The uid of what is stored: a workbook is not yet the rows of the import."""
        return source_uid(self.import_uid) if self.file_format == WORKBOOK else self.import_uid


async def append_part(db: Db, account_id: int, arrival: Arrival, offset: int, content: bytes, now: datetime) -> None:
    """Store a part behind an offset; NoRoom (409), WrongOffset (409) also when the import is in another state."""
    values = (account_id, arrival.import_uid, offset, content, now, is_utf8(content), MAX_ACCOUNT_BYTES)
    if await db.execute(APPEND, *values, arrival.file_uid, arrival.state) != "INSERT 0 1":
        is_full = await used_bytes(db, account_id) + len(content) > MAX_ACCOUNT_BYTES
        raise NoRoom if is_full else WrongOffset


async def _is_compressed(db: Db, account_id: int, current: CurrentImport) -> bool:
    """Return whether a file is compressed by gzip, and store it as such: its rows come out of it."""
    if await files.read_from(db, account_id, current.import_uid, 0, len(GZIP)) != GZIP:
        return False
    sql = "update file_parts set file_uid = $3 where account_id = $1 and file_uid = $2"
    await db.execute(sql, account_id, current.import_uid, source_uid(current.import_uid))
    return True


async def complete_file(db: Db, account_id: int, arrival: Arrival, offset: int, now: datetime) -> State:
    """Inspect the file of an import and return the state that this leads to."""
    async with db.transaction() as tx:
        current = await current_import(tx, account_id, arrival.import_uid)
        check_state(current, arrival.state)
        if current.file_bytes != offset:
            raise WrongOffset
        if current.file_format not in COMPRESSIBLE or await _is_compressed(tx, account_id, current):
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
