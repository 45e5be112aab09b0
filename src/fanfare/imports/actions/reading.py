"""Reads the rows of a batch: those of the next one in a thread, while this one is written."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import msgspec

from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_people import ReadyPeople
from fanfare.imports.actions.kinds.catalogue import kind_of
from fanfare.imports.actions.plans import Line, lines_of_piece, plan_of
from fanfare.imports.readers.rows import LINES, MAX_ROW_BYTES, Piece, Row, UnreadableFileError
from fanfare.imports.schemas.imports import CurrentImport
from fanfare.kernel.callers import Account
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.threads import run_in_thread

# Usually a small piece has a batch; a large one has any row.
PIECE_SIZES = (MAX_ROW_BYTES // 4, 2 * MAX_ROW_BYTES)
READ_BYTES = MAX_ROW_BYTES


class Batch(NamedTuple):
    """A piece of a file, the lines of its first rows, and the last of these rows, None if it has no complete one.

    `people` are the persons of the lines that are right.
    """

    piece: Piece
    lines: list[Line]
    last: Row | None
    people: ReadyPeople | None

    @property
    def rest(self) -> Piece:
        """The piece behind the batch."""
        if self.last is None:
            return self.piece
        begin = self.last.end - self.piece.offset
        return Piece(self.piece.data[begin:], self.last.end, self.last.number + 1, self.piece.is_last)


class _Place(NamedTuple):
    """What the next batch depends on."""

    offset: int
    current: CurrentImport
    account: Account
    now: datetime


class Ahead:
    """The next batch of an import, while a worker stays with it."""

    def __init__(self) -> None:
        self._place: _Place | None = None
        self._reading: asyncio.Task[Batch] | None = None

    async def batch(self, db: Db, account_id: int, current: CurrentImport, context: ImportContext) -> Batch:
        """Return the batch where a run continues, and begin to read the next one; raises UnreadableFileError.

        Part of the caller's transaction, which has locked the import.
        """
        batch = await self._ready(_place(current, context, current.run_offset))
        if batch is None or (batch.last is None and not batch.piece.is_last):
            batch = await _read(db, account_id, current, context)
        if batch.last is not None and batch.last.end < current.file_bytes:
            piece = await _extended(db, account_id, current, batch.rest)
            self._place = _place(current, context, batch.last.end)
            self._reading = asyncio.create_task(_lines(current, piece, context))
        return batch

    async def _ready(self, place: _Place) -> Batch | None:
        if self._reading is None or self._place != place:
            await self.end()
            return None
        try:
            return await self._reading
        finally:
            self._reading = None

    async def end(self) -> None:
        """Wait for the batch that is being read, and drop it."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError, UnreadableFileError):
                await self._reading
            self._reading = None


def _place(current: CurrentImport, context: ImportContext, offset: int) -> _Place:
    """Return the place of a batch; numbers of the row that a batch changes are left out."""
    plain = msgspec.structs.replace(current, run_offset=0, run_row=0, failure_count=0, error_count=0)
    return _Place(offset, plain, context.account, context.now)


async def _lines(current: CurrentImport, piece: Piece, context: ImportContext) -> Batch:
    plan, kind = plan_of(current), kind_of(current.kind)

    def read() -> Batch:
        lines, last = lines_of_piece(current, plan, piece, kind.batch, context)
        items = [line.item for line in lines if line.refusal is None]
        return Batch(piece, lines, last, kind.people(items) if kind.people else None)

    return await run_in_thread(read)


async def _read(db: Db, account_id: int, current: CurrentImport, context: ImportContext) -> Batch:
    """Return the batch where a run continues, read from its file."""
    offset = current.run_offset
    # The first piece has the header, however long.
    for size in PIECE_SIZES if offset else PIECE_SIZES[1:]:
        data = await files.read_from(db, account_id, current.import_uid, offset, size)
        piece = Piece(data, offset, current.run_row, offset + len(data) >= current.file_bytes)
        batch = await _lines(current, piece, context)
        if batch.last is not None or piece.is_last:
            return batch
    # The header is the first row of CSV.
    row = current.run_row or (1 if current.file_format == LINES else 2)
    message = f"row {row} is longer than {MAX_ROW_BYTES} bytes; is a quotation mark missing?"
    raise UnreadableFileError(message)


async def _extended(db: Db, account_id: int, current: CurrentImport, piece: Piece) -> Piece:
    """Return a piece that has a batch usually: what was read already, and more if that is little."""
    if piece.is_last or len(piece.data) >= PIECE_SIZES[0]:
        return piece
    end = piece.offset + len(piece.data)
    addition = await files.read_from(db, account_id, current.import_uid, end, READ_BYTES)
    return piece._replace(data=piece.data + addition, is_last=end + len(addition) >= current.file_bytes)
