"""Makes the rows of imports: of a sheet, which a program of its own writes as CSV, and of what is compressed."""

import sys
from datetime import datetime
from pathlib import Path

import msgspec

from fanfare.imports.actions.files import COMPLETE, source_uid
from fanfare.imports.actions.inspecting import inspected
from fanfare.imports.actions.states import end_work
from fanfare.imports.actions.unpacking import unpack
from fanfare.imports.actions.upkeep import ERASED, delete_if_erased, has_erasure
from fanfare.imports.queries.imports import used_bytes
from fanfare.imports.readers.rows import MAX_FILE_BYTES, WORKBOOK, UnreadableFileError
from fanfare.imports.readers.workbook import UNREADABLE, Sheet, sheet_in
from fanfare.imports.schemas.imports import MAX_ACCOUNT_BYTES, CurrentImport
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.files import PART_BYTES
from fanfare.kernel.data.programs import TooLongError, run_program
from fanfare.kernel.running.scratch import Scratch
from fanfare.kernel.running.threads import run_in_thread

# By the clock; the program itself has a limit of the processor's time.
MAX_SECONDS = 900.0
TOO_MUCH = "is a workbook that takes too much memory or time; save the sheet as CSV"
NO_ROOM = "has no room among the files of the account's imports; delete imports that ended"
READ_BYTES = 4 * 1024 * 1024
COMMAND = (sys.executable, "-P", "-m", "fanfare.imports.readers.workbook")


async def convert(db: Db, account_id: int, current: CurrentImport, now: datetime) -> None:
    """Write a sheet, or what is compressed, as the rows of an import and inspect them.

    Part of the caller's transaction. Raises UnreadableFileError.
    """
    if current.file_format == WORKBOOK:
        plain = await _from_sheet(db, account_id, current)
    else:
        size, is_text = await unpack(db, account_id, current, await _room(db, account_id, current))
        plain = msgspec.structs.replace(current, file_bytes=size, is_utf8=is_text)
    if await _is_ended(db, account_id, current, now):
        return
    await db.execute(
        "update imports set file_bytes = $3, sheets = $4, sheet = $5, is_utf8 = $6"
        " where account_id = $1 and import_id = $2",
        account_id,
        plain.import_id,
        plain.file_bytes,
        plain.sheets,
        plain.sheet,
        plain.is_utf8,
    )
    ready = await inspected(db, account_id, plain)
    uploaded_at = current.uploaded_at or now
    await db.execute(COMPLETE, account_id, ready.import_id, ready.columns, ready.dialect, ready.mapping, uploaded_at)


async def _from_sheet(db: Db, account_id: int, current: CurrentImport) -> CurrentImport:
    """Write a sheet of a workbook as the rows of an import, and return it as the import of a text."""
    with Scratch() as scratch:
        workbook, rows = scratch.path / "workbook.xlsx", scratch.path / "rows.csv"
        await _save(db, account_id, current, workbook)
        sheet = await _read(db, (workbook, rows), current.sheet, await _room(db, account_id, current))
        size = await _store(db, account_id, current, rows)
    return msgspec.structs.replace(
        current,
        file_bytes=size,
        is_utf8=True,
        sheets=sheet.names,
        sheet=sheet.name,
        dialect={"encoding": "utf-8", "delimiter": ",", **current.dialect},
    )


async def _is_ended(db: Db, account_id: int, current: CurrentImport, now: datetime) -> bool:
    """End an import whose workbook may contain a fan who was erased since; the erasure skips what a worker has."""
    if not await has_erasure(db, account_id, current):
        return False
    await delete_if_erased(db, account_id, current)
    await end_work(db, account_id, current.import_id, "failed", now, ERASED)
    return True


async def _save(db: Db, account_id: int, current: CurrentImport, path: Path) -> None:
    """Write the workbook into a file of this machine."""
    offset = 0
    with path.open("wb") as output:
        while data := await files.read_from(db, account_id, source_uid(current.import_uid), offset, READ_BYTES):
            offset += len(data)
            await run_in_thread(lambda data=data: output.write(data))  # type: ignore[misc] # a default argument


async def _room(db: Db, account_id: int, current: CurrentImport) -> int:
    """Return how long the rows may be, which replace those that the import has; raises UnreadableFileError."""
    room = MAX_ACCOUNT_BYTES - await used_bytes(db, account_id) + current.file_bytes
    if room <= 0:
        raise UnreadableFileError(NO_ROOM)
    return min(room, MAX_FILE_BYTES)


async def _read(db: Db, paths: tuple[Path, Path], sheet: str | None, limit: int) -> Sheet:
    """Write the rows of a sheet, at most `limit` bytes, as CSV, from one path to the other.

    Raises UnreadableFileError for what is no workbook, or too large.
    """
    try:
        ended = await run_program(db, [*COMMAND, *map(str, paths), sheet or "", str(limit)], MAX_SECONDS)
    except TooLongError:
        raise UnreadableFileError(TOO_MUCH) from None
    if ended.status == UNREADABLE:
        raise UnreadableFileError(ended.output.decode("utf-8", "replace").strip())
    if ended.status:
        raise UnreadableFileError(TOO_MUCH)
    return sheet_in(ended.output)


async def _store(db: Db, account_id: int, current: CurrentImport, rows: Path) -> int:
    """Store the rows as the file of the import and return their length in bytes; raises UnreadableFileError."""
    room = await _room(db, account_id, current)
    await files.delete_file(db, account_id, current.import_uid)
    size = 0
    with rows.open("rb") as content:
        while part := await run_in_thread(lambda: content.read(PART_BYTES)):
            if size + len(part) > room:
                raise UnreadableFileError(NO_ROOM)
            await files.append(db, account_id, current.import_uid, size, part)
            size += len(part)
    return size
