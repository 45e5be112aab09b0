"""Files of exports in storages: what comes late, another object under the key, and uploads that come to nothing."""

import gzip
from datetime import UTC, datetime, timedelta

import pytest

from fanfare.exports.actions import delivering, endings
from fanfare.exports.actions.delivering import deliveries
from fanfare.kernel.data.db import Db
from fanfare.storages.actions.transfers import WAITS, Transfers
from tests.api import Api
from tests.exports.test_deliveries import DELIVERIES, check_written, export_of, fill, new_export, send_all
from tests.exports.test_exports import work_all
from tests.servers import Reply, Request
from tests.storages.stores import Gate, Service, between, new_storage
from tests.waits import until

FILLS_TABLES = True


async def test_a_file_that_is_written_late_does_not_bring_an_erased_person_back(
    api: Api, db: Db, store: Service
) -> None:
    names = ("late@example.com", "other@example.com")
    late, _ = [(await api.ok(await api.post("/api/v1/crm/fans", email=name)))["fan_id"] for name in names]
    gate = Gate()
    with between(store) as way:
        way.meddle = lambda each: gate.wait() if not gate.is_reached.is_set() and each.method == "PUT" else None
        storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
        uid = await new_export(api, db, storage, table="fans")
        now = datetime.now(UTC)
        first, second = Transfers(delivering.WORK), Transfers(delivering.WORK)
        assert await first.start(db.for_account(api.account_id), api.account_id, now, lambda: now)

        async def is_in_the_middle() -> bool:
            return gate.is_reached.is_set()

        await until(is_in_the_middle)
        await api.ok(await api.post(f"/api/v1/manage/fans/{late}/erase"))
        await work_all(api, db)
        assert (await export_of(api, uid))["state"] == "delivering"
        # The other worker waits for the first one, which may still write.
        later = datetime.now(UTC)
        assert not await second.start(db.for_account(api.account_id), api.account_id, later, lambda: later)
        gate.open()
        await first.finish()
        await send_all(api, db)
    export = await export_of(api, uid)
    check_written(store, export)
    key = export["destination"].removeprefix(f"s3://{storage['bucket']}/")
    content = gzip.decompress(store.content(storage["bucket"], key))
    assert (b"late@" in content, b"other@" in content) == (False, True)
    assert await db.value(DELIVERIES, api.account_id) == 0


async def test_another_object_of_the_same_length_is_not_taken_for_the_file(api: Api, db: Db, store: Service) -> None:
    await fill(api, db, 3, 1)
    with between(store) as way:

        def meddle(request: Request) -> Reply | None:
            if request.method != "HEAD":
                return None
            reply = way.passed_on(request)
            return reply._replace(headers={**reply.headers, "x-amz-meta-sha256": "0" * 64})

        way.meddle = meddle
        uid = await new_export(api, db, await new_storage(api, store, store.new_bucket(), endpoint=way.url))
        now = datetime.now(UTC)
        await send_all(api, db, now)
        assert (await export_of(api, uid))["state"] == "delivering"
        way.meddle = lambda _: None
        await send_all(api, db, now + WAITS[0])
    check_written(store, await export_of(api, uid))


async def test_an_upload_that_is_never_put_together_fails_and_leaves_nothing(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(api, db, 100, 10)
    monkeypatch.setattr(delivering, "PART_BYTES", 4096)
    refusal = Reply(b"<Error><Code>InvalidPart</Code></Error>", 400)
    with between(store) as way:
        way.meddle = lambda each: refusal if each.method == "POST" and "uploadId=" in each.query else None
        storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
        uid = await new_export(api, db, storage)
        now = datetime.now(UTC)
        for wait in (timedelta(), *WAITS):
            assert (await export_of(api, uid))["state"] == "delivering"
            now += wait
            await send_all(api, db, now)
            # Whatever was begun is ended before it is forgotten.
            assert store.upload_count(storage["bucket"]) == 0
        begins = sum(each.query == "uploads=" for each in way.requests)
    export = await export_of(api, uid)
    assert (export["state"], begins) == ("failed", len(WAITS) + 1)
    assert await db.value(DELIVERIES, api.account_id) == 0


async def test_a_delivery_that_fails_late_does_not_end_what_was_begun_again_or_is_complete(
    api: Api, db: Db, store: Service
) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="again@example.com")))["fan_id"]
    gate = Gate()
    with between(store) as way:

        def meddle(request: Request) -> Reply | None:
            if request.method != "PUT" or gate.is_reached.is_set():
                return None
            gate.wait()
            return Reply(b"<Error><Code>AccessDenied</Code></Error>", 403)

        way.meddle = meddle
        storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
        uid = await new_export(api, db, storage, table="fans")
        now = datetime.now(UTC)
        await deliveries().start(db.for_account(api.account_id), api.account_id, now, lambda: now)

        async def is_in_the_middle() -> bool:
            return gate.is_reached.is_set()

        await until(is_in_the_middle)
        delivery_id = await db.value("select delivery_id from export_deliveries where account_id = $1", api.account_id)
        await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
        gate.open()
        await deliveries().finish()
        assert (await export_of(api, uid))["state"] == "running"
        await work_all(api, db)
        await send_all(api, db)
    check_written(store, await export_of(api, uid))
    # Neither does one that read its delivery before it ended, nor a step that fails once the export is complete.
    export_id = await db.value("select export_id from exports where export_uid = $1", uid)
    await endings.fail(db, api.account_id, export_id, now, "late", delivery_id)
    await endings.fail(db, api.account_id, export_id, now, "late")
    assert (await export_of(api, uid))["state"] == "completed"


def _no_manifest(request: Request) -> Reply | None:
    """Fail to write manifests."""
    is_manifest = request.method == "PUT" and request.path.endswith(".manifest.json")
    return Reply(b"", 503) if is_manifest else None


@pytest.mark.parametrize("end", ["deleted", "failed"])
async def test_what_was_written_before_an_erasure_is_deleted_though_the_export_ends(
    api: Api, db: Db, store: Service, end: str
) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="left@example.com")))["fan_id"]
    with between(store) as way:
        # The object is there, but not its manifest.
        way.meddle = _no_manifest
        storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
        uid = await new_export(api, db, storage, table="fans")
        await send_all(api, db)
        key = store.keys(storage["bucket"])[0]
        assert b"left@" in gzip.decompress(store.content(storage["bucket"], key))
        await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
        if end == "deleted":
            await api.ok(await api.delete(f"/api/v1/manage/exports/{uid}"))
        else:
            # A faulty storage lets the object be deleted later only.
            way.meddle = lambda each: Reply(b"", 503) if each.method == "DELETE" else None
            await work_all(api, db)
            await send_all(api, db)
            assert (await export_of(api, uid))["state"] == "delivering"
            denied = Reply(b"<Error><Code>AccessDenied</Code></Error>", 403)
            way.meddle = lambda each: denied if each.method == "PUT" else None
        now = datetime.now(UTC) + sum(WAITS[:2], timedelta())
        await send_all(api, db, now)
        await send_all(api, db, now)
    assert store.keys(storage["bucket"]) == []
    assert await db.value(DELIVERIES, api.account_id) == 0
    if end == "failed":
        assert (await export_of(api, uid))["state"] == "failed"


async def test_an_export_is_rewritten_once_what_an_erasure_left_is_deleted(api: Api, db: Db, store: Service) -> None:
    names = ("gone@example.com", "stays@example.com")
    gone, _ = [(await api.ok(await api.post("/api/v1/crm/fans", email=name)))["fan_id"] for name in names]
    with between(store) as way:
        way.meddle = _no_manifest
        storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
        uid = await new_export(api, db, storage, table="fans")
        await send_all(api, db)
        await api.ok(await api.post(f"/api/v1/manage/fans/{gone}/erase"))
        way.meddle = lambda _: None
        await work_all(api, db)
        await send_all(api, db)
        deletions = [number for number, each in enumerate(way.requests) if each.method == "DELETE"]
        writes = [number for number, each in enumerate(way.requests) if each.method == "PUT"]
    assert deletions
    assert deletions[-1] < writes[-1]
    export = await export_of(api, uid)
    check_written(store, export)
    key = export["destination"].removeprefix(f"s3://{storage['bucket']}/")
    content = gzip.decompress(store.content(storage["bucket"], key))
    assert (b"gone@" in content, b"stays@" in content) == (False, True)
