"""Works on imports, a batch of rows after the other: each is a transaction that also moves the import on.

A worker that dies leaves a batch undone; the next one continues there. Two workers never have the same import.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from fanfare.accounts.queries import account_by_id
from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.undoing import OwnWrites, delete_without_rows, lock_unchanged
from fanfare.fans.topics import FAN_UPDATED
from fanfare.imports.actions.converting import convert
from fanfare.imports.actions.kinds.catalogue import kind_of
from fanfare.imports.actions.kinds.kind import Created, Kind, Outcome
from fanfare.imports.actions.kinds.people import FANS
from fanfare.imports.actions.plans import Line
from fanfare.imports.actions.reading import Ahead
from fanfare.imports.actions.sharing import leave_to_others
from fanfare.imports.actions.states import end_work
from fanfare.imports.actions.upkeep import ERASED, delete_if_erased, has_erasure
from fanfare.imports.queries.imports import next_import
from fanfare.imports.readers.rows import UnreadableFileError
from fanfare.imports.schemas.imports import CurrentImport
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.file_work import FileWork, work_for_a_turn
from fanfare.kernel.data.lines import unstorable_line, write_lines
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Refusal

MAX_ERRORS = 100_000
# While an import writes these rows, tables may be new: what was planned for empty ones reads all rows for each.
YOUNG_ROWS = 20_000


class _DryRun(Exception):  # noqa: N818 - never leaves this module
    """Rolls back what a dry run wrote."""


async def work(db: Db, account_id: int, now: datetime) -> bool:
    """Work on an account's imports for a few seconds; return whether there was anything to do."""
    ahead = Ahead()
    try:
        return await work_for_a_turn(db, account_id, now, _file_work(ahead))
    finally:
        await ahead.end()


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


async def _step(ahead: Ahead, db: Db, account_id: int, current: CurrentImport, now: datetime) -> None:
    if current.import_state == "converting":
        await convert(db, account_id, current, now)
    elif current.import_state == "undoing":
        await _undo_batch(db, account_id, current, now)
    else:
        await _run_batch(ahead, db, account_id, current, now)


async def _run_batch(ahead: Ahead, db: Db, account_id: int, current: CurrentImport, now: datetime) -> None:
    """Read and write the next rows; part of the caller's transaction."""
    if current.run_row < YOUNG_ROWS:
        # Also those of foreign keys, which are kept until the tables are analysed.
        await db.execute("discard plans")
    account = await account_by_id(db, account_id)
    context = ImportContext(account, _source(current), current.uploaded_at or now, now)
    piece, lines, last, people = await ahead.batch(db, account_id, current, context)
    context = msgspec.structs.replace(context, ready=people)
    is_dry = current.import_state == "checking"
    outcomes = await _write(db, kind_of(current.kind), lines, context, is_dry=is_dry)
    end, number = (last.end, last.number + 1) if last else (piece.offset + len(piece.data), current.run_row)
    await _advance(db, account_id, current, lines, outcomes)
    await _move(db, account_id, current, (end, number), now)
    if not is_dry:
        await _remember(db, account_id, current, outcomes, context.own_positions)
    if current.error_count + sum(each.refusal is not None for each in outcomes) > MAX_ERRORS:
        await _end(db, account_id, current, "failed", now, f"more than {MAX_ERRORS:,} rows are wrong")
    elif piece.is_last and end >= current.file_bytes:
        await _end(db, account_id, current, "ready" if is_dry else "completed", now)


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


async def _remember(
    db: Db, account_id: int, current: CurrentImport, outcomes: Sequence[Outcome], own_positions: Sequence[int]
) -> None:
    """Write down what a batch created and changed, for an undo."""
    created = [each for outcome in outcomes for each in outcome.created_ids]
    fans = sorted({each.new_fan_id for each in outcomes if each.new_fan_id is not None})
    matched = {each.matched_fan_id for each in outcomes if each.matched_fan_id is not None} - set(created)
    if created or fans or matched or own_positions:
        await db.execute(
            """
            insert into import_batches
                (account_id, import_id, batch_number, created_ids, fan_ids, own_positions, matched_ids, matched_span,
                 last_position)
            select $1, $2, $3, $4, $5, $6, $7,
                   case when $8::bigint is not null then int8range($8::bigint, $9::bigint, '[]') end, last_value
            from positions
            """,
            account_id,
            current.import_id,
            current.run_offset,
            created,
            fans,
            own_positions,
            sorted(matched),
            min(matched, default=None),
            max(matched, default=None),
        )


# The last batch that is not undone; batches stay until the end, since earlier ones need to know what they changed.
TAKE_BATCH = """
    update import_batches set is_undone = true
    where account_id = $1 and import_id = $2 and batch_number = (
        select max(batch_number) from import_batches where account_id = $1 and import_id = $2 and not is_undone)
    returning batch_number, created_ids, fan_ids, last_position
"""
# Changes of fans of a batch by later ones: a position is that of the first batch that ended behind it. None once
# changes behind the batch were deleted: an own change may come behind one of others that is not there any more.
OWN_POSITIONS = """
    select c.position from changes c
    cross join lateral (
        select b.own_positions from import_batches b
        where b.account_id = $1 and b.import_id = $2 and b.batch_number > $3 and b.last_position >= c.position
        order by b.batch_number limit 1) b
    where c.account_id = $1 and c.fan_id = any($4::bigint[]) and c.position > $5 and c.topic = $6
      and c.position = any(b.own_positions)
      and not exists (select from change_trims t where t.account_id = $1 and t.position > $5)
"""


async def _undo_batch(db: Db, account_id: int, current: CurrentImport, now: datetime) -> None:
    """Delete what the last batch created; part of the caller's transaction."""
    row = await db.row(TAKE_BATCH, account_id, current.import_id)
    if row is None:
        await db.execute(
            "delete from import_batches where account_id = $1 and import_id = $2", account_id, current.import_id
        )
        await _end(db, account_id, current, "undone", now)
        return
    kind = kind_of(current.kind)
    writes = await _writes(db, account_id, current, row)
    shared = await leave_to_others(db, account_id, current.import_id, _fans_of(current, row))
    new_fan_ids = [each for each in row["fan_ids"] if each not in shared]
    fans = await lock_unchanged(db, account_id, new_fan_ids, writes) if new_fan_ids else []
    created = row["created_ids"]
    if kind is FANS:
        created = [each for each in created if each not in shared]
    undone = await kind.undo(db, account_id, Created(created, writes), now)
    if fans:
        await delete_without_rows(db, account_id, fans, now)
    kept_count = undone.kept_count + len(row["created_ids"]) - len(created)
    counts: tuple[Any, ...] = (undone.undone_count, kept_count, now)
    await db.execute(
        """
        update imports set undone_count = undone_count + $3, kept_count = kept_count + $4, updated_at = $5
        where account_id = $1 and import_id = $2
        """,
        account_id,
        current.import_id,
        *counts,
    )


async def _writes(db: Db, account_id: int, current: CurrentImport, batch: Record) -> OwnWrites:
    """Return what an import wrote until and after a batch."""
    place = batch["batch_number"], _fans_of(current, batch), batch["last_position"]
    rows = await db.rows(OWN_POSITIONS, account_id, current.import_id, *place, FAN_UPDATED.name)
    own_positions = [row["position"] for row in rows]
    return OwnWrites(batch["last_position"], own_positions, _source(current), kind_of(current.kind).topics)


def _fans_of(current: CurrentImport, batch: Record) -> list[int]:
    """Return the fans whom a batch created."""
    return [*batch["fan_ids"], *(batch["created_ids"] if current.kind == FANS.name else [])]


def _source(current: CurrentImport) -> str:
    """Return the source of what an import writes."""
    return f"import {current.import_uid}"


def _file_work(ahead: Ahead) -> FileWork[CurrentImport]:
    return FileWork(next_import, partial(_step, ahead), _fail, _count_failure, _reason)
