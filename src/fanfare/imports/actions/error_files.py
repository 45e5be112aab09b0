"""The rows that an import refused, as a CSV file that says why: corrected, it is uploaded as a new import."""

import csv
import io
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from fanfare.imports.actions.imports import FileDeleted
from fanfare.imports.actions.plans import rows_of
from fanfare.imports.queries.imports import current_import
from fanfare.imports.readers.dialects import FORMULA
from fanfare.imports.readers.rows import MAX_ROW_BYTES, Piece, Row
from fanfare.imports.schemas.fields import REPLACEMENT
from fanfare.imports.schemas.imports import CsvFile, CurrentImport
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.running.threads import run_in_thread
from fanfare.kernel.wire import BYTE_ORDER_MARK

BATCH = 500
REASON, NUMBER = "import error", "import row"


async def deliver(db: Db, account_id: int, import_uid: uuid.UUID, delivery: Delivery) -> CsvFile:
    """Stream the file; Unknown (404), Conflict (409) once the file of the import was deleted."""
    current = await current_import(db, account_id, import_uid)
    if not current.has_file:
        raise FileDeleted
    delivery.stream(_parts(db, account_id, current))
    return CsvFile(b"")


async def _parts(db: Db, account_id: int, current: CurrentImport) -> AsyncGenerator[bytes, None]:
    yield BYTE_ORDER_MARK + _csv(current, [[*map(_cell, current.columns), NUMBER, REASON]])
    number = 0
    while faults := await _faults(db, account_id, current.import_id, number):
        number = faults[-1]["row_number"]
        rows = await _rows(db, account_id, current, faults)
        yield await run_in_thread(lambda rows=rows, faults=faults: _lines(current, rows, faults))  # type: ignore[misc] # default arguments


async def _faults(db: Db, account_id: int, import_id: int, number: int) -> list[Record]:
    return await db.rows(
        """
        select row_number, row_offset, faults from import_faults
        where account_id = $1 and import_id = $2 and row_number > $3 order by row_number limit $4
        """,
        account_id,
        import_id,
        number,
        BATCH,
    )


async def _rows(db: Db, account_id: int, current: CurrentImport, faults: Sequence[Record]) -> dict[int, Row]:
    """Return the rows of some faults, read from their offsets: one piece has as many as follow closely."""
    result: dict[int, Row] = {}
    numbers = {each["row_number"] for each in faults}
    for fault in faults:
        if fault["row_number"] in result:
            continue
        offset = fault["row_offset"]
        data = await files.read_from(db, account_id, current.import_uid, offset, 2 * MAX_ROW_BYTES)
        piece = Piece(data, offset, fault["row_number"], offset + len(data) >= current.file_bytes)
        rows = await run_in_thread(lambda piece=piece: _some(current, piece, numbers))  # type: ignore[misc] # a default argument
        result.update({row.number: row for row in rows})
    return result


def _some(current: CurrentImport, piece: Piece, numbers: set[int]) -> list[Row]:
    highest = max(numbers)
    rows: list[Row] = []
    for row in rows_of(current, piece):
        if row.number > highest:
            break
        if row.number in numbers:
            rows.append(row)
    return rows


def _lines(current: CurrentImport, rows: Mapping[int, Row], faults: Sequence[Record]) -> bytes:
    return _csv(current, _cells(current, rows, faults))


def _cells(current: CurrentImport, rows: Mapping[int, Row], faults: Sequence[Record]) -> Iterator[list[str]]:
    for each in faults:
        row = rows.get(each["row_number"])
        cells = row.cells if row else {}
        reason = "; ".join(f"{f['field']}: {f['message']}" if f["field"] else f["message"] for f in each["faults"])
        yield [*(_cell(cells.get(name)) for name in current.columns), str(each["row_number"]), reason]


def _cell(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as the text of a cell, which no spreadsheet runs as a formula."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    # Of a file with a NUL nothing is read.
    text = text.replace("\0", REPLACEMENT)
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv(current: CurrentImport, rows: Sequence[list[str]] | Iterator[list[str]]) -> bytes:
    output = io.StringIO()
    csv.writer(output, delimiter=current.dialect.get("delimiter", ",")).writerows(rows)
    return output.getvalue().encode("utf-8", "replace")
