"""Works on exports, a batch of rows after the other: each is a transaction that writes a part of the file.

The file is one gzip member that is compressed in parts: a worker that dies leaves nothing of its batch behind, and
another one continues with the next.
"""

import hashlib
import zlib
from datetime import datetime
from typing import Any, NamedTuple

from fanfare.exports.actions.endings import FILES_LOCK, complete, fail
from fanfare.exports.actions.parquet import make_parquet
from fanfare.exports.queries.exports import next_export
from fanfare.exports.queries.tables.statements import BY_PIECES, ROWS_AFTER, ROWS_AMONG, TABLES, Format, header
from fanfare.exports.schemas.exports import CurrentExport
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.file_work import FileWork, work_for_a_turn
from fanfare.kernel.data.files import PART_BYTES
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.threads import run_in_thread
from fanfare.kernel.wire import MAX_ID
from fanfare.search.queries.searches import fan_ids, next_row

# Rows and bytes of a batch, and rows that are read before its bytes are looked at: a row can have 64 KiB.
BATCH, BATCH_BYTES, PIECE, FANS_PIECE = 10_000, 4 * 1024 * 1024, 100, 500
LEVEL = 1
READ_BYTES = 4 * 1024 * 1024
# The header of a gzip member without name and time, and the empty last block of its data.
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
GZIP_END = b"\x03\x00"


class Batch(NamedTuple):
    """Rows of an export: their number, the key of the last of them, their text, and whether more can follow.

    A key that is no number is a place.
    """

    row_count: int
    last_key: int
    text: str
    is_last: bool
    last_place: list[Any] | None = None


async def work(db: Db, account_id: int, now: datetime) -> bool:
    """Work on an account's exports for a few seconds; return whether there was anything to do."""
    return await work_for_a_turn(db, account_id, now, WORK)


async def _take(db: Db, account_id: int) -> CurrentExport | None:
    """Return the next export, which no erasure deletes until the transaction ends; None too while one goes on.

    What an export reads then may be of the person, and the erasure does not see a file that was begun after it.
    """
    sql = "select pg_try_advisory_xact_lock_shared($1)"
    is_free = await db.value(sql, lock_key(FILES_LOCK, account_id))
    return await next_export(db, account_id) if is_free else None


async def _count_failure(db: Db, account_id: int, current: CurrentExport) -> None:
    await db.execute(
        "update exports set failure_count = failure_count + 1 where account_id = $1 and export_id = $2",
        account_id,
        current.export_id,
    )


async def _fail(db: Db, account_id: int, current: CurrentExport, now: datetime, description: str) -> None:
    await fail(db, account_id, current.export_id, now, description)


def _reason(error: Exception) -> str | None:
    # Only its search can have ended.
    return "the search has ended; export it again" if isinstance(error, Unknown) else None


async def _step(db: Db, account_id: int, current: CurrentExport, now: datetime) -> None:
    if current.has_rows:
        await make_parquet(db, account_id, current, now)
        await _complete(db, account_id, current, now)
    else:
        await _run_batch(db, account_id, current, now)


def _text_format(current: CurrentExport) -> Format:
    return "plain" if current.file_format == "parquet" else current.file_format


async def _run_batch(db: Db, account_id: int, current: CurrentExport, now: datetime) -> None:
    """Write the next rows; part of the caller's transaction."""
    batch = await (_rows_of_search if current.search_uid else _rows)(db, account_id, current)
    begin = header(current.table_name, _text_format(current)) if current.file_bytes == 0 else ""
    content = (begin + batch.text).encode()
    is_first = current.file_bytes == 0
    data = await run_in_thread(lambda: _compressed(content, is_first=is_first))
    checksum = zlib.crc32(content, current.checksum)
    content_bytes = current.content_bytes + len(content)
    if batch.is_last:
        data += GZIP_END + checksum.to_bytes(4, "little") + (content_bytes % 2**32).to_bytes(4, "little")
    for start in range(0, len(data), PART_BYTES):
        part = data[start : start + PART_BYTES]
        await files.append(db, account_id, current.export_uid, current.file_bytes + start, part)
    row_count = current.row_count + batch.row_count
    await db.execute(
        MOVE, account_id, current.export_id, batch.last_key, row_count, content_bytes, current.file_bytes + len(data),
        checksum, now, batch.last_place or current.last_place,
    )  # fmt: skip
    if batch.is_last and current.file_format == "parquet":
        await db.execute(
            "update exports set has_rows = true where account_id = $1 and export_id = $2", account_id, current.export_id
        )
    elif batch.is_last:
        await _complete(db, account_id, current, now)


async def _complete(db: Db, account_id: int, current: CurrentExport, now: datetime) -> None:
    await complete(db, account_id, current, now, await _digest(db, account_id, current))


def _compressed(content: bytes, *, is_first: bool) -> bytes:
    """Return blocks of a gzip member that do not refer to those before, with its header at the begin of the file."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    blocks = compressor.compress(content) + compressor.flush(zlib.Z_FULL_FLUSH)
    return GZIP_HEADER + blocks if is_first else blocks


async def _rows(db: Db, account_id: int, current: CurrentExport) -> Batch:
    table = TABLES[current.table_name]
    bound = current.watermark if table.order == "position" else MAX_ID
    statement = ROWS_AFTER[current.table_name, _text_format(current)]
    rest: tuple[Any, ...] = (BATCH,)
    if table.order in BY_PIECES:
        rest = (min(PIECE, BATCH), BATCH, BATCH_BYTES)
    elif table.order == "keys":
        rest = (BATCH, current.last_place)
    row = await db.row(statement, account_id, current.last_key, bound, *rest)
    assert row is not None  # noqa: S101 - an aggregate
    last_place = row["last_place"] if table.order == "keys" else None
    return Batch(row["row_count"], row["last_key"] or current.last_key, row["lines"] or "", row["is_last"], last_place)


async def _rows_of_search(db: Db, account_id: int, current: CurrentExport) -> Batch:
    """Return the fans of the next rows of a search; those who were deleted since are left out."""
    assert current.search_uid is not None  # noqa: S101 - the caller's condition
    # Unknown if it was deleted: by its age, or with a fan whom it named.
    await next_row(db, account_id, current.search_uid)
    ids = await fan_ids(db, account_id, current.search_uid, current.last_key, BATCH)
    statement = ROWS_AMONG[current.table_name, _text_format(current)]
    row_count, fan_count, byte_count, texts = 0, 0, 0, []
    while fan_count < len(ids) and byte_count < BATCH_BYTES:
        piece = ids[fan_count : fan_count + FANS_PIECE]
        row = await db.row(statement, account_id, piece)
        assert row is not None  # noqa: S101 - an aggregate
        row_count, fan_count, text = row_count + row["row_count"], fan_count + len(piece), row["lines"] or ""
        byte_count += len(text)
        texts.append(text)
    is_last = len(ids) < BATCH and fan_count == len(ids)
    return Batch(row_count, current.last_key + fan_count, "".join(texts), is_last)


async def _digest(db: Db, account_id: int, current: CurrentExport) -> bytes:
    """Return the SHA-256 of a file that is complete, in the caller's transaction."""
    digest, offset = hashlib.sha256(), 0
    while data := await files.read_from(db, account_id, current.export_uid, offset, READ_BYTES):
        offset += len(data)
        await run_in_thread(lambda data=data: digest.update(data))  # type: ignore[misc] # a default argument
    return digest.digest()


MOVE = """
    update exports
    set last_key = $3, row_count = $4, content_bytes = $5, file_bytes = $6, checksum = $7, updated_at = $8,
        failure_count = 0, last_place = $9
    where account_id = $1 and export_id = $2
"""
WORK = FileWork(_take, _step, _fail, _count_failure, _reason)
