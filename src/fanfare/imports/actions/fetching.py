"""Reads objects of storages as the files of imports, piece by piece: what is stored is not read again.

The first answer says which of its contents an object has, by its ETag; another one is a clear end, never half of each.
"""

import time
from datetime import datetime

import msgspec

from fanfare.imports.actions.files import delete_files
from fanfare.imports.actions.states import WrongState, end_work
from fanfare.imports.actions.storing import Arrival, NoRoom, WrongOffset, append_part, complete_file
from fanfare.imports.queries.fetches import Fetch, fetch_of
from fanfare.imports.queries.imports import current_import, used_bytes
from fanfare.imports.readers.rows import MAX_FILE_BYTES
from fanfare.imports.schemas.imports import MAX_ACCOUNT_BYTES
from fanfare.kernel.clock import Clock
from fanfare.kernel.data.announcements import hold
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.files import PART_BYTES
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.http_client import http_client
from fanfare.storages.actions.storages import place_of, storage_target
from fanfare.storages.actions.transfers import TURN_SECONDS, Transfers, Work, next_try, running_transfers
from fanfare.storages.gateways.buckets import Bucket
from fanfare.storages.gateways.faults import StorageFault, StorageRefused

# A call reads so much, in whole parts of the file.
PIECE_BYTES = 16 * PART_BYTES


async def fetch(db: Db, account_id: int, import_id: int, clock: Clock) -> None:
    """Read the object of an import, as far as a turn goes."""
    current = await fetch_of(db, account_id, import_id)
    if current is None:
        await _forget(db, account_id, import_id)
        return
    connections = await http_client.connections(1)
    try:
        target = await storage_target(db, account_id, None, current.storage_id)
        bucket = Bucket(place_of(target, current.bucket), connections.send)
        await _read(db, account_id, current, bucket, clock)
    except Unknown:
        await _fail(db, account_id, current, clock(), "The storage was deleted")
    except NoRoom as full:
        await _fail(db, account_id, current, clock(), full.detail)
    except (WrongOffset, WrongState):
        # The import was deleted or ended, or another worker has it.
        return
    except StorageFault as fault:
        await _postpone(db, account_id, import_id, clock(), fault)
    finally:
        await connections.close()


async def _read(db: Db, account_id: int, current: Fetch, bucket: Bucket, clock: Clock) -> None:
    """Read an object to its end, or to that of the turn; raises StorageFault, NoRoom, WrongOffset."""
    end = time.monotonic() + TURN_SECONDS
    current = await _recognised(db, account_id, current, bucket)
    arrival = Arrival(current.import_uid, current.file_format, "fetching")
    offset, size, etag = current.file_bytes, current.object_bytes or 0, current.etag or ""
    while offset < size:
        piece = await bucket.read(current.object_key, offset, min(PIECE_BYTES, size - offset), etag)
        async with db.bulk_turn(), db.transaction() as tx:
            for start in range(0, len(piece), PART_BYTES):
                part = piece[start : start + PART_BYTES]
                await append_part(tx, account_id, arrival, offset + start, part, clock())
        offset += len(piece)
        if offset < size and time.monotonic() > end:
            await _pause(db, account_id, current.import_id, clock())
            return
    await complete_file(db, account_id, arrival, offset, clock())
    await _forget(db, account_id, current.import_id)


async def _recognised(db: Db, account_id: int, current: Fetch, bucket: Bucket) -> Fetch:
    """Return what is read with the length and the ETag of the object; StorageRefused for too long a one, NoRoom."""
    if current.etag is not None:
        return current
    head = await bucket.head(current.object_key)
    if head.object_bytes > MAX_FILE_BYTES:
        message = f"has an object of more than {MAX_FILE_BYTES} bytes under this key; split it"
        raise StorageRefused(message)
    if await used_bytes(db, account_id) + head.object_bytes > MAX_ACCOUNT_BYTES:
        raise NoRoom
    await db.execute(
        "update import_fetches set etag = $3, object_bytes = $4 where account_id = $1 and import_id = $2",
        account_id,
        current.import_id,
        head.etag,
        head.object_bytes,
    )
    return msgspec.structs.replace(current, etag=head.etag, object_bytes=head.object_bytes)


async def _postpone(db: Db, account_id: int, import_id: int, now: datetime, fault: StorageFault) -> None:
    """Try again later, unless the storage refuses the object, or it was tried often enough."""
    current = await fetch_of(db, account_id, import_id)
    if current is None:
        return
    due_at = None if isinstance(fault, StorageRefused) else next_try(current.failure_count + 1, now)
    if due_at is None:
        await _fail(db, account_id, current, now, f"The storage {fault}")
        return
    await db.execute(
        "update import_fetches set failure_count = failure_count + 1, due_at = $3, lease_ends_at = '-infinity'"
        " where account_id = $1 and import_id = $2",
        account_id,
        import_id,
        due_at,
    )


async def _fail(db: Db, account_id: int, current: Fetch, now: datetime, failure: str) -> None:
    """End an import whose file cannot be read; what of it is stored is deleted."""
    async with db.transaction() as tx:
        await hold(tx, account_id)
        try:
            row = await current_import(tx, account_id, current.import_uid)
        except Unknown:
            return
        await _forget(tx, account_id, current.import_id)
        if row.import_state == "fetching":
            await end_work(tx, account_id, current.import_id, "failed", now, failure)
            await tx.execute(
                "update imports set has_file = false where account_id = $1 and import_id = $2",
                account_id,
                current.import_id,
            )
            await delete_files(tx, account_id, current.import_uid)


async def _pause(db: Db, account_id: int, import_id: int, now: datetime) -> None:
    """Give the place to others."""
    await db.execute(
        "update import_fetches set due_at = $3, lease_ends_at = '-infinity' where account_id = $1 and import_id = $2",
        account_id,
        import_id,
        now,
    )


async def _forget(db: Db, account_id: int, import_id: int) -> None:
    await db.execute("delete from import_fetches where account_id = $1 and import_id = $2", account_id, import_id)


CLAIM = """
    with chosen as materialized (
        select import_id from import_fetches
        where account_id = $1 and due_at <= $3 and lease_ends_at <= $3
        order by due_at, import_id limit $2 for no key update skip locked
    )
    update import_fetches f set lease_ends_at = $4 from chosen
    where f.account_id = $1 and f.import_id = chosen.import_id
    returning f.import_id
"""


async def claim(db: Db, account_id: int, limit: int, now: datetime, ends_at: datetime) -> list[int]:
    """Claim at most `limit` objects of an account until a lease ends, and return the ids of their imports."""
    return [row["import_id"] for row in await db.rows(CLAIM, account_id, limit, now, ends_at)]


async def renew(db: Db, account_id: int, import_id: int, ends_at: datetime) -> None:
    """Move the end of a lease on."""
    await db.execute(
        "update import_fetches set lease_ends_at = $3 where account_id = $1 and import_id = $2",
        account_id,
        import_id,
        ends_at,
    )


WORK: Work[int] = Work(claim, renew, fetch, _postpone)


def fetches() -> Transfers[int]:
    """Return the objects that the running event loop reads."""
    return running_transfers(WORK)
