"""Writes files of exports to storages: small ones as they are, others in parts, and a manifest once the file is there.

The parts that a storage has are written down one by one, so another worker goes on behind the last of them. A part that
is written twice replaces itself, and so does an object.
"""

import time
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from fanfare.exports.actions.endings import COMPLETE, fail
from fanfare.exports.actions.objects import forget_object, name_objects
from fanfare.exports.queries.deliveries import Delivery, delivering_export, delivery_of
from fanfare.exports.schemas.exports import Export
from fanfare.kernel.clock import Clock
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.http_client import http_client
from fanfare.kernel.wire import unix
from fanfare.storages.actions.storages import place_of, storage_target
from fanfare.storages.actions.transfers import TURN_SECONDS, Transfers, Work, next_try, running_transfers
from fanfare.storages.gateways.buckets import Bucket
from fanfare.storages.gateways.faults import StorageFault, StorageRefused

# The least that a service takes as a part but the last one, and the most parts that it puts together.
PART_BYTES = 5 * 1024 * 1024
MAX_PARTS = 10_000
MEDIA_TYPES = {"parquet": "application/vnd.apache.parquet"}
MANIFEST = ".manifest.json"
# An upload that the service has forgotten, or completed when we did not hear of it: it begins again.
LOST_UPLOAD = ("NoSuchUpload", "InvalidPart")
MAX_AGE = timedelta(days=3)


class _Ended(Exception):  # noqa: N818 - never leaves this module
    """The export was deleted or begun again, or another worker has it."""


async def deliver(db: Db, account_id: int, delivery_id: int, clock: Clock) -> None:
    """Write the file of an export to its storage, as far as a turn goes."""
    delivery = await delivery_of(db, account_id, delivery_id)
    if delivery is None:
        return
    connections = await http_client.connections(1)
    try:
        target = await storage_target(db, account_id, None, delivery.storage_id)
        bucket = Bucket(place_of(target, delivery.bucket), connections.send)
        await Turn(db, account_id, delivery, bucket, clock).run()
    except Unknown:
        await _fail(db, account_id, delivery_id, clock(), StorageRefused("was deleted"))
    except StorageFault as fault:
        await _fail(db, account_id, delivery_id, clock(), fault)
    finally:
        await connections.close()


async def _fail(db: Db, account_id: int, delivery_id: int, now: datetime, fault: StorageFault) -> None:
    """Try again later, unless the storage refuses the file, or too much time has passed."""
    delivery = await delivery_of(db, account_id, delivery_id)
    if delivery is None:
        return
    is_lost = fault.code in LOST_UPLOAD
    due_at = next_try(delivery.failure_count + 1, now)
    if due_at and now - delivery.created_at < MAX_AGE and (is_lost or not isinstance(fault, StorageRefused)):
        await db.execute(POSTPONE, account_id, delivery_id, due_at, is_lost)
    elif delivery.is_abandoned:
        async with db.transaction() as tx:
            await name_objects(tx, account_id, delivery_id, now)
            await forget(tx, account_id, delivery_id)
    else:
        await fail(db, account_id, delivery.export_id, now, f"The storage {fault}", delivery_id)


async def forget(db: Db, account_id: int, delivery_id: int) -> None:
    """Delete a delivery of which nothing is done any more."""
    await db.execute(
        "delete from export_deliveries where account_id = $1 and delivery_id = $2", account_id, delivery_id
    )


POSTPONE = """
    update export_deliveries
    set failure_count = failure_count + 1, due_at = $3, lease_ends_at = '-infinity',
        failure_part_count = greatest(failure_part_count, cardinality(part_etags)),
        has_object = has_object or $4 and upload_key is not null,
        upload_key = case when $4 then null else upload_key end,
        part_etags = case when $4 then '{}' else part_etags end
    where account_id = $1 and delivery_id = $2
"""


class Turn:
    """Writes one file."""

    def __init__(self, db: Db, account_id: int, delivery: Delivery, bucket: Bucket, clock: Clock) -> None:
        self._db = db
        self._account_id = account_id
        self._delivery = delivery
        self._bucket = bucket
        self._clock = clock
        self._end = time.monotonic() + TURN_SECONDS

    async def run(self) -> None:
        """Go on until all is written, or the turn ends; raises StorageFault."""
        delivery = self._delivery
        export = None
        if not delivery.is_abandoned:
            export = await delivering_export(self._db, self._account_id, delivery.export_id)
        try:
            if export is None:
                await self._abandon()
            elif await self._write(export):
                await self._finish(export)
            else:
                await self._pause()
        except _Ended:
            await self._abandon()
        except StorageFault as fault:
            if fault.code in LOST_UPLOAD:
                await self._abort_lost_upload()
            raise

    async def _write(self, export: Export) -> bool:
        """Write the file; return whether it is there. Raises StorageFault."""
        key, headers = self._delivery.object_key, _headers(export)
        if export.file_bytes <= PART_BYTES:
            await self._put(await self._content(export, 0, export.file_bytes), headers)
            return True
        upload_key = self._delivery.upload_key or await self._begin(export)
        size, etags = self._delivery.part_bytes, list(self._delivery.part_etags)
        while len(etags) * size < export.file_bytes:
            offset = len(etags) * size
            content = await self._content(export, offset, min(size, export.file_bytes - offset))
            etags.append(await self._bucket.put_part(key, upload_key, len(etags) + 1, content))
            await self._record(upload_key, size, etags)
            if time.monotonic() > self._end:
                return False
        await self._bucket.complete_upload(key, upload_key, etags)
        return True

    async def _put(self, content: bytes, headers: dict[str, str]) -> None:
        """Write a small file, of which is written down before that the storage may have it."""
        await self._mark(has_object=True)
        try:
            await self._bucket.put(self._delivery.object_key, content, headers)
        except StorageRefused:
            # Nor is it there by an earlier turn.
            if not self._delivery.has_object:
                await self._mark(has_object=False)
            raise

    async def _mark(self, *, has_object: bool) -> None:
        row = await self._db.row(
            """
            update export_deliveries set has_object = $3
            where account_id = $1 and delivery_id = $2 and not (is_abandoned and $3) returning delivery_id
            """,
            self._account_id,
            self._delivery.delivery_id,
            has_object,
        )
        if row is None:
            raise _Ended

    async def _content(self, export: Export, offset: int, size: int) -> bytes:
        content = await files.read_from(self._db, self._account_id, export.export_uid, offset, size)
        if len(content) != size:
            raise _Ended
        return content

    async def _begin(self, export: Export) -> str:
        size = max(PART_BYTES, -(-export.file_bytes // MAX_PARTS))
        upload_key = await self._bucket.begin_upload(self._delivery.object_key, _headers(export))
        await self._record(upload_key, size, [])
        return upload_key

    async def _record(self, upload_key: str, part_bytes: int, etags: list[str]) -> None:
        """Write down which parts a storage has; failures count until there are more than when it failed last."""
        self._delivery = msgspec.structs.replace(
            self._delivery, upload_key=upload_key, part_bytes=part_bytes, part_etags=etags
        )
        row = await self._db.row(
            """
            update export_deliveries
            set upload_key = $3, part_bytes = $4, part_etags = $5,
                failure_count = case when cardinality($5::text[]) > failure_part_count then 0 else failure_count end
            where account_id = $1 and delivery_id = $2 and not is_abandoned
            returning delivery_id
            """,
            self._account_id,
            self._delivery.delivery_id,
            upload_key,
            part_bytes,
            etags,
        )
        if row is None:
            raise _Ended

    async def _finish(self, export: Export) -> None:
        """Look whether all of the file is there, write the manifest, and complete the export."""
        head = await self._bucket.head(self._delivery.object_key)
        if head.object_bytes != export.file_bytes or head.sha256 not in ("", export.sha256):
            message = "has another file under this key than was written"
            raise StorageFault(message)
        now = self._clock()
        manifest = _manifest(export, self._delivery.object_key, now)
        await self._bucket.put(f"{self._delivery.object_key}{MANIFEST}", manifest, {"content-type": "application/json"})
        async with self._db.transaction() as tx:
            if await tx.value(DELETE, self._account_id, self._delivery.delivery_id) is None:
                raise _Ended
            digest = bytes.fromhex(export.sha256 or "")
            await tx.execute(COMPLETE, self._account_id, export.export_id, now, digest)

    async def _pause(self) -> None:
        """Give the place to others."""
        await self._db.execute(
            "update export_deliveries set due_at = $3, lease_ends_at = '-infinity'"
            " where account_id = $1 and delivery_id = $2",
            self._account_id,
            self._delivery.delivery_id,
            self._clock(),
        )

    async def _abort_lost_upload(self) -> None:
        """Delete the parts of an upload before its key is forgotten; StorageFault for what can be tried again."""
        if self._delivery.upload_key:
            with suppress(StorageRefused):
                await self._bucket.abort_upload(self._delivery.object_key, self._delivery.upload_key)

    async def _abandon(self) -> None:
        """Delete what the storage has of a file that was not completed; it may name a fan who was erased."""
        if self._delivery.upload_key:
            await self._bucket.abort_upload(self._delivery.object_key, self._delivery.upload_key)
        current = await delivery_of(self._db, self._account_id, self._delivery.delivery_id)
        if current is None:
            # Another worker has completed the export, whose object it is.
            return
        for object_key in (self._delivery.object_key, f"{self._delivery.object_key}{MANIFEST}"):
            await self._bucket.delete(object_key)
        async with self._db.transaction() as tx:
            await forget_object(tx, self._account_id, self._delivery.delivery_id)
            await forget(tx, self._account_id, self._delivery.delivery_id)


DELETE = """
    delete from export_deliveries where account_id = $1 and delivery_id = $2 and not is_abandoned returning delivery_id
"""


def _headers(export: Export) -> dict[str, str]:
    """Return what a storage keeps beside an object: its type and its checksum."""
    return {
        "content-type": MEDIA_TYPES.get(export.format, "application/gzip"), "x-amz-meta-sha256": export.sha256 or "",
    }  # fmt: skip


# What the manifest says of an export, besides where its file is.
FIELDS = (
    "export_uid", "table", "format", "name", "search_uid", "row_count", "content_bytes", "file_bytes", "sha256",
    "watermark", "destination", "creation_timestamp",
)  # fmt: skip


def _manifest(export: Export, object_key: str, now: datetime) -> bytes:
    """Return the manifest of a file that is written."""
    values = {name: getattr(export, name) for name in FIELDS}
    return msgspec.json.encode({**values, "object_key": object_key, "write_timestamp": unix(now)})


# While a worker may still write the object of an export that was begun again, or has to delete it, no other writes to
# the same key.
CLAIM = """
    with chosen as materialized (
        select delivery_id from export_deliveries e
        where account_id = $1 and due_at <= $3 and lease_ends_at <= $3
          and not exists (
              select from export_deliveries o
              where o.account_id = $1 and o.export_id = e.export_id and o.delivery_id <> e.delivery_id
                and (o.lease_ends_at > $3 or o.is_abandoned and not e.is_abandoned))
        order by due_at, delivery_id limit $2 for no key update skip locked
    )
    update export_deliveries d set lease_ends_at = $4 from chosen
    where d.account_id = $1 and d.delivery_id = chosen.delivery_id
    returning d.delivery_id
"""


async def claim(db: Db, account_id: int, limit: int, now: datetime, ends_at: datetime) -> list[int]:
    """Claim at most `limit` deliveries of an account until a lease ends, and return their ids."""
    return [row["delivery_id"] for row in await db.rows(CLAIM, account_id, limit, now, ends_at)]


async def renew(db: Db, account_id: int, delivery_id: int, ends_at: datetime) -> None:
    """Move the end of a lease on."""
    await db.execute(
        "update export_deliveries set lease_ends_at = $3 where account_id = $1 and delivery_id = $2",
        account_id,
        delivery_id,
        ends_at,
    )


WORK: Work[int] = Work(claim, renew, deliver, _fail)


def deliveries() -> Transfers[int]:
    """Return the files that the running event loop writes to storages."""
    return running_transfers(WORK)
