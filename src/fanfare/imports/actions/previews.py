"""What an import would read: the begin of its file, row by row."""

import uuid
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.actions.importing import ImportContext
from fanfare.imports.actions.imports import FileDeleted
from fanfare.imports.actions.kinds.catalogue import kind_of
from fanfare.imports.actions.plans import Line, lines_of_piece, plan_of
from fanfare.imports.actions.states import WrongState
from fanfare.imports.queries.imports import current_import
from fanfare.imports.readers.dialects import Dialect
from fanfare.imports.readers.rows import Piece
from fanfare.imports.schemas.imports import Preview, PreviewFault, PreviewRow
from fanfare.kernel.callers import Account
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.threads import run_in_thread

ROWS = 20
PIECE_BYTES = 256 * 1024


async def preview(db: Db, account: Account, import_uid: uuid.UUID, now: datetime) -> Preview:
    """Return the first rows of a file as they would be imported; Conflict (409) before it was inspected."""
    current = await current_import(db, account.id, import_uid)
    if not current.has_file:
        raise FileDeleted
    if not current.columns:
        raise WrongState(current.import_state)
    data = await files.read_from(db, account.id, import_uid, 0, PIECE_BYTES)
    piece = Piece(data, 0, 0, len(data) == current.file_bytes)
    plan = plan_of(current)
    context = ImportContext(account, "", current.uploaded_at or now, now)
    lines, _ = await run_in_thread(lambda: lines_of_piece(current, plan, piece, ROWS, context))
    dialect = msgspec.convert(current.dialect, Dialect)
    fields = [{} if line.row.fault else plan.values(line.row.cells, dialect)[0] for line in lines]
    return Preview([_row(*each) for each in zip(lines, fields, strict=True)], kind_of(current.kind).fields.listing())


def _row(line: Line, fields: dict[str, Any]) -> PreviewRow:
    faults = [PreviewFault(field, message) for field, message in line.refusal.errors] if line.refusal else []
    cells = msgspec.to_builtins(dict(line.row.cells))
    return PreviewRow(line.row.number, _writable(cells), _writable(fields), faults)


def _writable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value without lone surrogates, which no answer can have."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_writable(each) for each in value]
    return {name: _writable(each) for name, each in value.items()} if isinstance(value, dict) else value
