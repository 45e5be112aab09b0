"""Reads a sheet of a workbook: a program of its own writes it as CSV, which is imported as every other."""

import asyncio
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from fanfare.imports.actions.files import COMPLETE, source_uid
from fanfare.imports.actions.inspecting import inspected
from fanfare.imports.actions.states import end_work
from fanfare.imports.actions.upkeep import delete_if_erased
from fanfare.imports.readers.rows import UnreadableFileError
from fanfare.imports.readers.workbook import UNREADABLE, Sheet, sheet_in
from fanfare.imports.schemas.imports import CurrentImport
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.files import PART_BYTES
from fanfare.kernel.running.scratch import Scratch
from fanfare.kernel.running.threads import run_in_thread

READ_BYTES = 4 * 1024 * 1024
COMMAND = (sys.executable, "-P", "-m", "fanfare.imports.readers.workbook")


async def convert(db: Db, account_id: int, current: CurrentImport, now: datetime) -> None:
    """Write a sheet as the rows of an import and inspect them; part of the caller's transaction.

    Raises UnreadableFileError.
    """
    with Scratch() as scratch:
        workbook, rows = scratch.path / "workbook.xlsx", scratch.path / "rows.csv"
        await _save(db, account_id, current, workbook)
        sheet = await _read(workbook, rows, current.sheet)
        if await _is_ended(db, account_id, current, now):
            return
        size = await _store(db, account_id, current, rows)
    await db.execute(
        "update imports set file_bytes = $3, sheets = $4, sheet = $5, is_utf8 = true"
        " where account_id = $1 and import_id = $2",
        account_id,
        current.import_id,
        size,
        sheet.names,
        sheet.name,
    )
    dialect = {"encoding": "utf-8", "delimiter": ",", **current.dialect}
    plain = msgspec.structs.replace(current, file_bytes=size, is_utf8=True, dialect=dialect)
    ready = await inspected(db, account_id, plain)
    uploaded_at = current.uploaded_at or now
    await db.execute(COMPLETE, account_id, ready.import_id, ready.columns, ready.dialect, ready.mapping, uploaded_at)


async def _is_ended(db: Db, account_id: int, current: CurrentImport, now: datetime) -> bool:
    """End an import whose workbook may contain a fan who was erased since; the erasure skips what a worker has."""
    sql = "select exists (select from erasures where account_id = $1 and erased_at >= $2)"
    if not await db.value(sql, account_id, current.uploaded_at):
        return False
    await delete_if_erased(db, account_id, current)
    await end_work(db, account_id, current.import_id, "failed", now, "a fan was erased: upload the file again")
    return True


async def _save(db: Db, account_id: int, current: CurrentImport, path: Path) -> None:
    """Write the workbook into a file of this machine."""
    offset = 0
    with path.open("wb") as output:
        while data := await files.read_from(db, account_id, source_uid(current.import_uid), offset, READ_BYTES):
            offset += len(data)
            await run_in_thread(lambda data=data: output.write(data))  # type: ignore[misc] # a default argument


async def _read(workbook: Path, rows: Path, sheet: str | None) -> Sheet:
    """Write the rows of a sheet as CSV; raises UnreadableFileError for what is no workbook, or too large."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, str(workbook), str(rows), sheet or "",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    if process.returncode == UNREADABLE:
        raise UnreadableFileError(output.decode("utf-8", "replace").strip())
    if process.returncode:
        message = "is a workbook that takes too much memory or time; save the sheet as CSV"
        raise UnreadableFileError(message)
    return sheet_in(output)


async def _store(db: Db, account_id: int, current: CurrentImport, rows: Path) -> int:
    """Store the rows as the file of the import and return their length in bytes."""
    await files.delete_file(db, account_id, current.import_uid)
    size = 0
    with rows.open("rb") as content:
        while part := await run_in_thread(lambda: content.read(PART_BYTES)):
            await files.append(db, account_id, current.import_uid, size, part)
            size += len(part)
    return size
