"""Inspects a file that was uploaded: finds its dialect and columns, and suggests a mapping."""

from itertools import islice
from typing import Any

import msgspec

from fanfare.imports.actions.kinds.catalogue import kind_of
from fanfare.imports.readers.dialects import (
    Dialect,
    Encoding,
    date_order_of,
    decimal_separator_of,
    delimiter_of,
    line_end_of,
)
from fanfare.imports.readers.encodings import MAX_CHARACTER_BYTES, is_utf8
from fanfare.imports.readers.presets import PRESETS, preset_of
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
from fanfare.imports.schemas.fields import Fields
from fanfare.imports.schemas.imports import CurrentImport
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.long_inputs import run_by_size
from fanfare.kernel.wire import BYTE_ORDER_MARK

SAMPLE_BYTES = 2 * MAX_ROW_BYTES
SAMPLE_ROWS = 1000
SAMPLE_LINES = 50
# The kind whose files other products export.
FANS = "fans"


class Findings(msgspec.Struct, frozen=True):
    """What an inspection found."""

    dialect: Dialect
    columns: list[str]


async def inspected(db: Db, account_id: int, current: CurrentImport) -> CurrentImport:
    """Return an import with the dialect, columns and mapping of its file; what was set before stays.

    Raises UnreadableFileError.
    """
    data = await files.read_from(db, account_id, current.import_uid, 0, SAMPLE_BYTES)
    check_begin(data[:MAX_ROW_BYTES], current.file_format)
    piece = Piece(data, 0, 0, len(data) == current.file_bytes)
    encoding = _encoding(current, is_text=await _is_utf8(db, account_id, current))
    findings = await run_by_size(account_id, len(data), _findings, current, piece, encoding)
    earlier = await _earlier(db, account_id, current, findings.columns)
    kind, preset = kind_of(current.kind), findings.dialect.preset
    suggestion = earlier or _suggestion(kind.fields, findings.columns, preset)
    suggestion = {name: None if field in current.constants else field for name, field in suggestion.items()}
    mapping = {name: current.mapping.get(name, suggestion.get(name)) for name in findings.columns}
    return msgspec.structs.replace(
        current, columns=findings.columns, dialect=msgspec.to_builtins(findings.dialect), mapping=mapping
    )


async def _is_utf8(db: Db, account_id: int, current: CurrentImport) -> bool:
    """Return whether all of a file is UTF-8: its parts are, each of which may end within a character, and its end."""
    offset = max(current.file_bytes - MAX_CHARACTER_BYTES, 0)
    end = await files.read_from(db, account_id, current.import_uid, offset, MAX_CHARACTER_BYTES)
    return current.is_utf8 and is_utf8(end, is_last=True)


def _encoding(current: CurrentImport, *, is_text: bool) -> Encoding:
    """Return the encoding that was set, else UTF-8 if all of the file is that, else Windows-1252."""
    if "encoding" in current.dialect:
        chosen: Encoding = current.dialect["encoding"]
        return chosen
    if not is_text and current.file_format == LINES:
        message = "is not UTF-8, as NDJSON has to be"
        raise UnreadableFileError(message)
    return "utf-8" if is_text else "windows-1252"


def _findings(current: CurrentImport, piece: Piece, encoding: Encoding) -> Findings:
    if not piece.data.removeprefix(BYTE_ORDER_MARK).strip():
        message = "is empty"
        raise UnreadableFileError(message)
    if current.file_format == LINES:
        return _findings_in_lines(piece)
    begin = piece.data[: 64 * 1024].removeprefix(BYTE_ORDER_MARK).decode(encoding, "replace")
    delimiter = current.dialect.get("delimiter") or delimiter_of(begin.splitlines()[:SAMPLE_LINES])
    dialect = Dialect(encoding, delimiter, line_end=line_end_of(piece.data))
    columns, offset = header_of(piece, dialect)
    rows = csv_rows(Piece(piece.data[offset:], offset, 2, piece.is_last), columns, dialect)
    values = [value for row in islice(rows, SAMPLE_ROWS) for value in row.cells.values()]
    preset = current.dialect["preset"] if "preset" in current.dialect else preset_of(columns)
    dialect = msgspec.structs.replace(dialect, preset=preset if current.kind == FANS else None)
    return Findings(_of_values(current, dialect, values), columns)


def _of_values(current: CurrentImport, dialect: Dialect, values: list[str]) -> Dialect:
    chosen = current.dialect
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
    return Findings(Dialect(date_order=date_order_of(texts)), [name[:255] for name in columns])


def _suggestion(fields: Fields, columns: list[str], preset: str | None) -> dict[str, str | None]:
    """Return the field that each column has in exports of a product, or is likely to have; no field has two columns."""
    chosen = PRESETS[preset].mapping(columns) if preset else {}
    mapping: dict[str, str | None] = {**dict.fromkeys(columns), **chosen}
    for column in columns:
        if column in chosen:
            continue
        field = fields.field_of(column)
        if field is not None and field not in mapping.values():
            mapping[column] = field
    return mapping


async def _earlier(db: Db, account_id: int, current: CurrentImport, columns: list[str]) -> dict[str, Any]:
    """Return the mapping of the last import of this kind with the same columns, if there is one."""
    mapping: dict[str, Any] | None = await db.value(
        """
        select mapping from imports
        where account_id = $1 and kind = $2 and columns = $3::text[] and import_id <> $4
          and import_state in ('completed', 'undone', 'ready')
        order by import_id desc limit 1
        """,
        account_id,
        current.kind,
        columns,
        current.import_id,
    )
    return mapping or {}
