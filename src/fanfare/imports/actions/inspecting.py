"""Inspects a file that was uploaded: finds its dialect and columns, and suggests a mapping."""

import codecs
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from fanfare.imports.actions.kinds import Kind
from fanfare.imports.actions.kinds.catalogue import kind_of
from fanfare.imports.actions.states import enter
from fanfare.imports.readers.dialects import Dialect, Encoding, date_order_of, decimal_separator_of, delimiter_of
from fanfare.imports.readers.rows import (
    LINES,
    MAX_COLUMNS,
    MAX_ROW_BYTES,
    Piece,
    UnreadableFileError,
    check_begin,
    csv_rows,
    header_of,
    json_rows,
)
from fanfare.imports.schemas.imports import StoredImport
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.threads import run_in_thread
from fanfare.kernel.wire import BYTE_ORDER_MARK

SAMPLE_BYTES = 2 * MAX_ROW_BYTES
SAMPLE_ROWS = 1000
SAMPLE_LINES = 50


class Findings(msgspec.Struct, frozen=True):
    """What an inspection found."""

    dialect: Dialect
    columns: list[str]


async def inspect(db: Db, account_id: int, stored: StoredImport, now: datetime) -> None:
    """Write down dialect, columns and mapping; part of the caller's transaction. Raises UnreadableFileError."""
    data = await files.read_from(db, account_id, stored.import_uid, 0, SAMPLE_BYTES)
    check_begin(data[:MAX_ROW_BYTES], stored.file_format)
    encoding = await _encoding(db, account_id, stored)
    piece = Piece(data, 0, 0, len(data) == stored.file_bytes)
    findings = await run_in_thread(lambda: _findings(stored, piece, encoding))
    kind = kind_of(stored.kind)
    earlier = await _earlier(db, account_id, stored, findings.columns)
    mapping = {name: earlier.get(name) for name in findings.columns} if earlier else _suggestion(kind, findings.columns)
    await db.execute(
        "update imports set columns = $3, dialect = $4, mapping = $5 where account_id = $1 and import_id = $2",
        account_id,
        stored.import_id,
        findings.columns,
        msgspec.to_builtins(findings.dialect),
        mapping,
    )
    await enter(db, account_id, stored.import_id, "ready", now)


async def _encoding(db: Db, account_id: int, stored: StoredImport) -> Encoding:
    """Return the encoding that was set, else UTF-8 if all of the file is that, else Windows-1252."""
    if "encoding" in stored.dialect:
        chosen: Encoding = stored.dialect["encoding"]
        return chosen
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    try:
        while data := await files.read_from(db, account_id, stored.import_uid, offset, SAMPLE_BYTES):
            offset += len(data)
            await run_in_thread(lambda data=data: decoder.decode(data))  # type: ignore[misc] # a default argument
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if stored.file_format == LINES:
            message = "is not UTF-8, as NDJSON has to be"
            raise UnreadableFileError(message) from None
        return "windows-1252"
    return "utf-8"


def _findings(stored: StoredImport, piece: Piece, encoding: Encoding) -> Findings:
    if not piece.data.removeprefix(BYTE_ORDER_MARK).strip():
        message = "is empty"
        raise UnreadableFileError(message)
    if stored.file_format == LINES:
        return _findings_in_lines(piece)
    begin = piece.data[: 64 * 1024].removeprefix(BYTE_ORDER_MARK).decode(encoding, "replace")
    delimiter = stored.dialect.get("delimiter") or delimiter_of(begin.splitlines()[:SAMPLE_LINES])
    dialect = Dialect(encoding, delimiter)
    columns, offset = header_of(piece, dialect)
    rows = csv_rows(Piece(piece.data[offset:], offset, 2, piece.is_last), columns, dialect)
    values = [value for row in islice(rows, SAMPLE_ROWS) for value in row.cells.values()]
    return Findings(_of_values(stored, dialect, values), columns)


def _of_values(stored: StoredImport, dialect: Dialect, values: list[str]) -> Dialect:
    chosen = stored.dialect
    return msgspec.structs.replace(
        dialect,
        date_order=chosen["date_order"] if chosen.get("date_order") else date_order_of(values),
        decimal_separator=chosen.get("decimal_separator") or decimal_separator_of(values),
    )


def _findings_in_lines(piece: Piece) -> Findings:
    rows = list(islice(json_rows(piece), SAMPLE_ROWS))
    columns = list(dict.fromkeys(name for row in rows for name in row.cells))
    if not columns:
        message = "has no JSON object in its first lines"
        raise UnreadableFileError(message)
    if len(columns) > MAX_COLUMNS:
        message = f"has more than {MAX_COLUMNS} members"
        raise UnreadableFileError(message)
    texts = [value for row in rows for value in row.cells.values() if isinstance(value, str)]
    return Findings(Dialect(date_order=date_order_of(texts)), [name[:255].replace("\0", "") for name in columns])


def _suggestion(kind: Kind, columns: list[str]) -> dict[str, str | None]:
    """Return the field that each column is likely to have; no field has two columns."""
    mapping: dict[str, str | None] = dict.fromkeys(columns)
    for column in columns:
        field = kind.field_of(column)
        if field is not None and field not in mapping.values():
            mapping[column] = field
    return mapping


async def _earlier(db: Db, account_id: int, stored: StoredImport, columns: list[str]) -> dict[str, Any]:
    """Return the mapping of the last import of this kind with the same columns, if there is one."""
    mapping: dict[str, Any] | None = await db.value(
        """
        select mapping from imports
        where account_id = $1 and kind = $2 and columns = $3::text[] and import_id <> $4
          and import_state in ('completed', 'undone', 'ready')
        order by import_id desc limit 1
        """,
        account_id,
        stored.kind,
        columns,
        stored.import_id,
    )
    return mapping or {}
