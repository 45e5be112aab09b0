"""Makes the Parquet file of an export whose rows are written: a program of its own reads them and writes it."""

import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import msgspec

from fanfare.exports.queries.tables.statements import TYPES
from fanfare.exports.schemas.exports import CurrentExport
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.files import PART_BYTES
from fanfare.kernel.data.programs import TooLongError, run_program
from fanfare.kernel.running.scratch import Scratch
from fanfare.kernel.running.threads import run_in_thread

# By the clock.
MAX_SECONDS = 900.0
READ_BYTES = 4 * 1024 * 1024
COMMAND = (sys.executable, "-P", "-m", "fanfare.exports.writers.parquet")


class WriterError(Exception):
    """The program that writes Parquet ended without a file."""


async def make_parquet(db: Db, account_id: int, current: CurrentExport, now: datetime) -> None:
    """Replace the rows of an export by its Parquet file; part of the caller's transaction."""
    types = await _types(db, account_id, current.table_name)
    with Scratch() as scratch:
        rows, file = scratch.path / "rows.csv.gz", scratch.path / "rows.parquet"
        await _save(db, account_id, current, rows)
        if await _written(db, rows, file, types) != current.row_count:
            message = "the file has another number of rows"
            raise WriterError(message)
        await files.delete_file(db, account_id, current.export_uid)
        size = 0
        async for part in _parts(file):
            await files.append(db, account_id, current.export_uid, size, part)
            size += len(part)
    await db.execute(
        "update exports set file_bytes = $3, updated_at = $4, failure_count = 0"
        " where account_id = $1 and export_id = $2",
        account_id,
        current.export_id,
        size,
        now,
    )


async def _types(db: Db, account_id: int, table_name: str) -> dict[str, str]:
    """Return the PostgreSQL type of each column of a table."""
    del account_id
    async with db.connection() as connection:
        statement = await connection.prepare(TYPES[table_name], name="")
    return {each.name: each.type.name for each in statement.get_attributes()}


async def _save(db: Db, account_id: int, current: CurrentExport, path: Path) -> None:
    """Write the rows of an export into a file of this machine."""
    offset = 0
    with path.open("wb") as output:
        while data := await files.read_from(db, account_id, current.export_uid, offset, READ_BYTES):
            offset += len(data)
            await run_in_thread(lambda data=data: output.write(data))  # type: ignore[misc] # a default argument


async def _written(db: Db, rows: Path, file: Path, types: dict[str, str]) -> int:
    """Write the Parquet file and return the number of its rows."""
    arguments = (str(rows), str(file), msgspec.json.encode(types).decode())
    try:
        ended = await run_program(db, [*COMMAND, *arguments], MAX_SECONDS)
    except TooLongError:
        message = "the program takes too long"
        raise WriterError(message) from None
    if ended.status:
        # The last line names what is wrong, and may quote a value.
        message = ended.errors.decode("utf-8", "replace").strip().rpartition("\n")[2].partition(":")[0]
        raise WriterError(message)
    return int(ended.output)


async def _parts(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as content:
        while part := await run_in_thread(lambda: content.read(PART_BYTES)):
            yield part
