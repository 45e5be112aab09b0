"""Works on imports, a batch of rows after the other: each is a transaction that also moves the import on.

A worker that dies leaves a batch undone; the next one continues there. Two workers never have the same import.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from fanfare.accounts.queries import account_by_id
from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.undoing import delete_without_rows, lock_unchanged
from fanfare.imports.actions.converting import convert
from fanfare.imports.actions.kinds.catalogue import kind_of
from fanfare.imports.actions.kinds.kind import Created, Kind, Outcome
from fanfare.imports.actions.plans import Line, lines_of_piece, plan_of
from fanfare.imports.actions.states import end_work
from fanfare.imports.actions.upkeep import ERASED, delete_if_erased, has_erasure
from fanfare.imports.queries.imports import next_import
from fanfare.imports.readers.rows import MAX_ROW_BYTES, Piece, Row, UnreadableFileError
from fanfare.imports.schemas.imports import CurrentImport
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.file_work import FileWork, work_for_a_turn
from fanfare.kernel.data.lines import unstorable_line, write_lines
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Refusal
from fanfare.kernel.running.threads import run_in_thread

# Usually a small piece has a batch; a large one has any row.
PIECE_SIZES = (MAX_ROW_BYTES // 4, 2 * MAX_ROW_BYTES)
MAX_ERRORS = 100_000


class _DryRun(Exception):  # noqa: N818 - never leaves this module
    """Rolls back what a dry run wrote."""


async def work(db: Db, account_id: int, now: datetime) -> bool:
    """Work on an account's imports for a few seconds; return whether there was anything to do."""
    return await work_for_a_turn(db, account_id, now, WORK)


async def _count_failure(db: Db, account_id: int, current: CurrentImport) -> None:
    await db.execute(
        "update imports set failure_count = failure_count + 1 where account_id = $1 and import_id = $2",
        account_id,
        current.import_id,
    )


async def _fail(db: Db, account_id: int, current: CurrentImport, now: datetime, failure: str) -> None:
    async with db.transaction() as tx:
        await _end(tx, account_id, current, "failed", now, failure)


async def _end(
    db: Db, account_id: int, current: CurrentImport, state: str, now: datetime, failure: str | None = None
) -> None:
    """End the work on an import, in the caller's transaction.

    Its file is deleted if a fan was erased meanwhile, since the erasure left it to whoever worked on it; one that was
    only checked cannot be run then.
    """
    if state == "ready" and await has_erasure(db, account_id, current):
        state, failure = "failed", ERASED
    await end_work(db, account_id, current.import_id, state, now, failure)
    await delete_if_erased(db, account_id, current)


def _reason(error: Exception) -> str | None:
    return error.errors[0][1] if isinstance(error, UnreadableFileError) else None


async def _step(db: Db, account_id: int, current: CurrentImport, now: datetime) -> None:
    if current.import_state == "converting":
        await convert(db, account_id, current, now)
    elif current.import_state == "undoing":
        await _undo_batch(db, account_id, current, now)
    else:
        await _run_batch(db, account_id, current, now)


async def _run_batch(db: Db, account_id: int, current: CurrentImport, now: datetime) -> None:
    """Read and write the next rows; part of the caller's transaction."""
    account = await account_by_id(db, account_id)
    context = ImportContext(account, f"import {current.import_uid}", current.uploaded_at or now, now)
    piece, lines, last = await _next_lines(db, account_id, current, context)
    is_dry = current.import_state == "checking"
    outcomes = await _write(db, kind_of(current.kind), lines, context, is_dry=is_dry)
    end, number = (last.end, last.number + 1) if last else (piece.offset + len(piece.data), current.run_row)
    await _advance(db, account_id, current, lines, outcomes)
    await _move(db, account_id, current, (end, number), now)
    if not is_dry:
        await _remember(db, account_id, current, outcomes)
    if current.error_count + sum(each.refusal is not None for each in outcomes) > MAX_ERRORS:
        await _end(db, account_id, current, "failed", now, f"more than {MAX_ERRORS:,} rows are wrong")
    elif piece.is_last and end >= current.file_bytes:
        await _end(db, account_id, current, "ready" if is_dry else "completed", now)


async def _next_lines(
    db: Db, account_id: int, current: CurrentImport, context: ImportContext
) -> tuple[Piece, list[Line], Row | None]:
    """Return the piece of the file where a run continues, its lines and its last row; raises UnreadableFileError."""
    plan, offset = plan_of(current), current.run_offset
    limit = kind_of(current.kind).batch
    # The first piece has the header, however long.
    for size in PIECE_SIZES if offset else PIECE_SIZES[1:]:
        data = await files.read_from(db, account_id, current.import_uid, offset, size)
        piece = Piece(data, offset, current.run_row, offset + len(data) >= current.file_bytes)
        lines, last = await run_in_thread(lambda piece=piece: lines_of_piece(current, plan, piece, limit, context))  # type: ignore[misc] # a default argument
        if last is not None or piece.is_last:
            return piece, lines, last
    message = f"row {max(current.run_row, 1)} is longer than {MAX_ROW_BYTES} bytes; is a quotation mark missing?"
    raise UnreadableFileError(message)


async def _move(db: Db, account_id: int, current: CurrentImport, place: tuple[int, int], now: datetime) -> None:
    """Write down the place in the file, an offset and the number of the row there, with which a run continues."""
    await db.execute(
        "update imports set run_offset = $3, run_row = $4, updated_at = $5 where account_id = $1 and import_id = $2",
        account_id,
        current.import_id,
        *place,
        now,
    )


async def _write(db: Db, kind: Kind, lines: Sequence[Line], context: ImportContext, *, is_dry: bool) -> list[Outcome]:
    """Write the lines that are right, and return the outcome of each line."""
    outcomes = [Outcome(refusal=line.refusal) for line in lines]
    places = [place for place, line in enumerate(lines) if line.refusal is None]

    async def write(some: Sequence[int]) -> None:
        async with db.transaction() as tx:
            results = await kind.write(tx, [lines[place].item for place in some], context)
        for place, outcome in zip(some, results, strict=True):
            outcomes[place] = outcome

    with suppress(_DryRun):
        async with db.transaction():
            for place in await write_lines(places, write):
                outcomes[place] = Outcome(refusal=unstorable_line(""))
            _end_dry_run(is_dry=is_dry)
    return outcomes


def _end_dry_run(*, is_dry: bool) -> None:
    if is_dry:
        raise _DryRun


ADVANCE = Sql("""
    with refused as (
        insert into import_faults (account_id, import_id, row_number, row_offset, faults)
        select $1, :import_id, number, row_offset, faults::jsonb
        from unnest(:numbers::bigint[], :offsets::bigint[], :faults::text[]) as f (number, row_offset, faults)
    )
    update imports
    set row_count = row_count + :row_count, created_count = created_count + :created_count,
        matched_count = matched_count + :matched_count, error_count = error_count + :error_count,
        refused_count = refused_count + :refused_count, failure_count = 0
    where account_id = $1 and import_id = :import_id
""")


async def _advance(
    db: Db, account_id: int, current: CurrentImport, lines: Sequence[Line], outcomes: Sequence[Outcome]
) -> None:
    """Add to the counts of an import, and write down which rows were refused."""
    refused = [(line.row, each.refusal) for line, each in zip(lines, outcomes, strict=True) if each.refusal]
    created = sum(bool(each.created_ids) for each in outcomes)
    await db.execute(
        ADVANCE,
        account_id,
        import_id=current.import_id,
        numbers=[row.number for row, _ in refused],
        offsets=[row.begin for row, _ in refused],
        faults=[_faults(refusal) for _, refusal in refused],
        row_count=len(lines),
        created_count=created,
        matched_count=len(lines) - created - len(refused),
        error_count=len(refused),
        refused_count=sum(each.refused_count for each in outcomes),
    )


def _faults(refusal: Refusal) -> str:
    errors = refusal.errors if isinstance(refusal, BadParameters) else [("", refusal.detail)]
    return msgspec.json.encode([{"field": field, "message": message} for field, message in errors[:50]]).decode()


async def _remember(db: Db, account_id: int, current: CurrentImport, outcomes: Sequence[Outcome]) -> None:
    """Write down what a batch created, for an undo."""
    created = [each for outcome in outcomes for each in outcome.created_ids]
    fans = sorted({each.new_fan_id for each in outcomes if each.new_fan_id is not None})
    if created or fans:
        await db.execute(
            """
            insert into import_batches (account_id, import_id, batch_number, created_ids, fan_ids, last_position)
            select $1, $2, $3, $4, $5, last_value from positions
            """,
            account_id,
            current.import_id,
            current.run_offset,
            created,
            fans,
        )


async def _undo_batch(db: Db, account_id: int, current: CurrentImport, now: datetime) -> None:
    """Delete what the last batch created; part of the caller's transaction."""
    row = await db.row(
        """
        delete from import_batches where account_id = $1 and import_id = $2 and batch_number = (
            select max(batch_number) from import_batches where account_id = $1 and import_id = $2)
        returning created_ids, fan_ids, last_position
        """,
        account_id,
        current.import_id,
    )
    if row is None:
        await _end(db, account_id, current, "undone", now)
        return
    position = row["last_position"]
    fans = await lock_unchanged(db, account_id, row["fan_ids"], position) if row["fan_ids"] else []
    undone = await kind_of(current.kind).undo(db, account_id, Created(row["created_ids"], position), now)
    if fans:
        await delete_without_rows(db, account_id, fans, now)
    counts: tuple[Any, ...] = (undone.undone_count, undone.kept_count, now)
    await db.execute(
        """
        update imports set undone_count = undone_count + $3, kept_count = kept_count + $4, updated_at = $5
        where account_id = $1 and import_id = $2
        """,
        account_id,
        current.import_id,
        *counts,
    )


WORK = FileWork(next_import, _step, _fail, _count_failure, _reason)
