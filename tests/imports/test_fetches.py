"""Imports of objects of storages: read piece by piece, once, and only as the object was when reading began."""

import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.imports.actions import fetching, running
from fanfare.imports.actions.fetching import fetches
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.storages.actions.transfers import WAITS
from tests.api import Api, new_api
from tests.conftest import LOOPBACK
from tests.imports.files import PATH
from tests.imports.test_workbooks import workbook_of
from tests.running import Program
from tests.servers import Reply
from tests.storages.stores import Gate, Service, between, new_storage
from tests.waits import until

WORKER = [sys.executable, "-P", "-m", "fanfare.cli.worker"]
HEAD = b"email,first_name\n"
END_LEASES = "update import_fetches set lease_ends_at = '-infinity' where account_id = $1"
PART = 64


def rows_of(name: str, count: int) -> bytes:
    return HEAD + b"".join(b"%s%d@example.com,Name %d\n" % (name.encode(), number, number) for number in range(count))


async def fetch_all(api: Api, db: Db, now: datetime | None = None) -> None:
    """Do what workers would do with objects that are to be read."""
    moment = now or datetime.now(UTC)
    while await fetches().start(db.for_account(api.account_id), api.account_id, moment, lambda: moment):
        await fetches().finish()


async def new_import(api: Api, storage: dict[str, Any], key: str, **fields: Any) -> str:
    values = {"kind": "fans", "storage_uid": storage["storage_uid"], "object_key": key, **fields}
    uid: str = (await api.ok(await api.post(PATH, **values)))["import_uid"]
    return uid


async def import_of(api: Api, uid: str) -> dict[str, Any]:
    result: dict[str, Any] = await api.ok(await api.get(f"{PATH}/{uid}"))
    return result


async def run_all(api: Api, db: Db) -> None:
    while await running.work(db.for_account(api.account_id), api.account_id, datetime.now(UTC)):
        pass


async def test_an_object_is_read_and_imported(api: Api, db: Db, store: Service) -> None:
    bucket = store.new_bucket()
    store.call("PUT", bucket, "in/members.csv", rows_of("whole", 20))
    storage = await new_storage(api, store, bucket, prefix="in")
    uid = await new_import(api, storage, "in/members.csv")
    before = await import_of(api, uid)
    assert (before["state"], before["source"]) == ("fetching", f"s3://{bucket}/in/members.csv")
    assert (await api.post(f"{PATH}/{uid}/run")).status_code == 409
    await fetch_all(api, db)
    ready = await import_of(api, uid)
    assert (ready["state"], ready["columns"], ready["mapping"]["email"]) == ("ready", ["email", "first_name"], "email")
    assert ready["file_bytes"] == len(rows_of("whole", 20))
    await api.ok(await api.post(f"{PATH}/{uid}/run"))
    await run_all(api, db)
    done = await import_of(api, uid)
    assert (done["state"], done["created_count"]) == ("completed", 20)


async def test_a_large_object_is_read_in_turns_each_piece_once(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PIECE_BYTES", 16 * PART)
    monkeypatch.setattr(fetching, "TURN_SECONDS", 0.0)
    bucket, content = store.new_bucket(), rows_of("turns", 200)
    store.call("PUT", bucket, "members.csv", content)
    with between(store) as way:
        uid = await new_import(api, await new_storage(api, store, bucket, endpoint=way.url), "members.csv")
        await fetch_all(api, db)
        ranges = [each.headers["range"] for each in way.requests if "range" in each.headers]
        heads = [each.method for each in way.requests].count("HEAD")
    ready = await import_of(api, uid)
    assert (ready["state"], ready["file_bytes"]) == ("ready", len(content))
    assert (len(ranges), len(set(ranges)), heads) == (-(-len(content) // (16 * PART)), len(ranges), 1)
    preview = await api.ok(await api.get(f"{PATH}/{uid}/preview"))
    assert preview["rows"][0]["cells"] == {"email": "turns0@example.com", "first_name": "Name 0"}


async def test_a_workbook_is_read_too(api: Api, db: Db, store: Service) -> None:
    bucket = store.new_bucket()
    store.call("PUT", bucket, "Members.XLSX", workbook_of(Members=[["email"], ["sheet@example.com"]]))
    uid = await new_import(api, await new_storage(api, store, bucket), "Members.XLSX")
    await fetch_all(api, db)
    assert (await import_of(api, uid))["state"] == "converting"
    await run_all(api, db)
    ready = await import_of(api, uid)
    assert (ready["state"], ready["format"], ready["sheet"]) == ("ready", "xlsx", "Members")


async def test_an_object_that_changes_on_the_way_is_not_read_on(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PIECE_BYTES", 16 * PART)
    monkeypatch.setattr(fetching, "TURN_SECONDS", 0.0)
    bucket = store.new_bucket()
    store.call("PUT", bucket, "members.csv", rows_of("old", 200))
    uid = await new_import(api, await new_storage(api, store, bucket), "members.csv")
    now = datetime.now(UTC)
    await fetches().start(db.for_account(api.account_id), api.account_id, now, lambda: now)
    await fetches().finish()
    part = await import_of(api, uid)
    assert (part["state"], part["file_bytes"], 0 < part["progress"] < 1) == ("fetching", 16 * PART, True)
    store.call("PUT", bucket, "members.csv", rows_of("new", 200))
    await fetch_all(api, db)
    failed = await import_of(api, uid)
    assert (failed["state"], failed["has_file"]) == ("failed", False)
    assert failed["failure"] == "The storage has another object under this key than when reading began"
    assert (await api.post(f"{PATH}/{uid}/run")).status_code == 409
    count = "select count(*) from file_parts where account_id = $1 and file_uid = $2"
    assert await db.value(count, api.account_id, uid) == 0
    assert await db.value("select count(*) from import_fetches where account_id = $1", api.account_id) == 0


async def test_a_service_that_ignores_conditions_is_found_out(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PIECE_BYTES", 16 * PART)
    bucket = store.new_bucket()
    store.call("PUT", bucket, "members.csv", rows_of("kept", 200))
    with between(store) as way:
        uid = await new_import(api, await new_storage(api, store, bucket, endpoint=way.url), "members.csv")
        way.meddle = lambda each: Reply(b"x", 206, {"etag": '"two"'}) if each.method == "GET" else None
        await fetch_all(api, db)
        assert "another object" in (await import_of(api, uid))["failure"]
        # Another piece than was asked for is tried again.
        uid = await new_import(api, await new_storage(api, store, bucket, endpoint=way.url), "members.csv")
        way.meddle = lambda each: Reply(b"x", 200, {"etag": way.passed_on(each).headers["etag"]})
        now = datetime.now(UTC)
        for wait in WAITS:
            await fetch_all(api, db, now)
            now += wait
        assert (await import_of(api, uid))["state"] == "fetching"
        way.meddle = lambda _: None
        await fetch_all(api, db, now)
    assert (await import_of(api, uid))["state"] == "ready"


@pytest.mark.parametrize(
    ("key", "fields", "failure"),
    [
        ("gone.csv", {}, "The storage has no such object or bucket"),
        ("members.csv", {"secret": "wrong"}, "The storage does not allow this to the access key"),
    ],
)
async def test_what_cannot_be_read_fails_with_its_reason(
    api: Api, db: Db, store: Service, key: str, fields: dict[str, Any], failure: str
) -> None:
    bucket = store.new_bucket()
    store.call("PUT", bucket, "members.csv", HEAD)
    uid = await new_import(api, await new_storage(api, store, bucket, **fields), key)
    await fetch_all(api, db)
    failed = await import_of(api, uid)
    assert (failed["state"], failed["failure"]) == ("failed", failure)
    topic = "select count(*) from changes where account_id = $1 and topic = 'import.failed' and subject_id = $2"
    assert await db.value(topic, api.account_id, uid) == 1


async def test_objects_are_bounded_as_uploads_are(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = store.new_bucket()
    store.call("PUT", bucket, "members.csv", rows_of("long", 50))
    storage = await new_storage(api, store, bucket)
    monkeypatch.setattr(fetching, "MAX_FILE_BYTES", 100)
    uid = await new_import(api, storage, "members.csv")
    await fetch_all(api, db)
    assert "more than 100 bytes" in (await import_of(api, uid))["failure"]
    monkeypatch.undo()
    monkeypatch.setattr(fetching, "MAX_ACCOUNT_BYTES", 100)
    uid = await new_import(api, storage, "members.csv")
    await fetch_all(api, db)
    assert "have no room for more" in (await import_of(api, uid))["failure"]


async def test_what_cannot_be_an_object_is_refused(api: Api, other_api: Api, store: Service) -> None:
    storage = await new_storage(api, store, "somewhere", prefix="in")
    uid = storage["storage_uid"]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"storage_uid": uid}, "object_key"),
        ({"object_key": "in/a.csv"}, "storage_uid"),
        ({"storage_uid": uid, "object_key": "out/a.csv"}, "object_key"),
        ({"storage_uid": uid, "object_key": "in/../out/a.csv"}, "object_key"),
        ({"storage_uid": uid, "object_key": "in/./a.csv"}, "object_key"),
        ({"storage_uid": uid, "object_key": "in/" + "x" * 1024}, "object_key"),
    ]
    for fields, field in cases:
        refused = await api.post(PATH, kind="fans", **fields)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), refused.text
    assert (await other_api.post(PATH, kind="fans", storage_uid=uid, object_key="in/a.csv")).status_code == 404
    waiting = await new_import(api, storage, "in/a.csv")
    upload = await api.client.post(f"{PATH}/{waiting}/file", content=b"email\n", headers=api.keys)
    assert upload.status_code == 409


async def test_an_erasure_ends_an_import_whose_object_is_read(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PIECE_BYTES", 16 * PART)
    monkeypatch.setattr(fetching, "TURN_SECONDS", 0.0)
    bucket = store.new_bucket()
    store.call("PUT", bucket, "members.csv", rows_of("erased", 200))
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="erased7@example.com")))["fan_id"]
    uid = await new_import(api, await new_storage(api, store, bucket), "members.csv")
    now = datetime.now(UTC)
    await fetches().start(db.for_account(api.account_id), api.account_id, now, lambda: now)
    await fetches().finish()
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    await fetch_all(api, db)
    failed = await import_of(api, uid)
    assert (failed["state"], failed["has_file"], "erased" in failed["failure"]) == ("failed", False, True)
    assert await db.value("select count(*) from import_fetches where account_id = $1", api.account_id) == 0


async def test_a_deleted_storage_ends_an_import_and_a_deleted_import_is_not_read(
    api: Api, db: Db, store: Service
) -> None:
    storage = await new_storage(api, store, store.new_bucket())
    uid, deleted = await new_import(api, storage, "a.csv"), await new_import(api, storage, "b.csv")
    await api.ok(await api.delete(f"{PATH}/{deleted}"))
    await api.ok(await api.delete(f"/api/v1/manage/storages/{storage['storage_uid']}"))
    await fetch_all(api, db)
    failed = await import_of(api, uid)
    assert (failed["state"], failed["failure"], failed["storage_uid"]) == ("failed", "The storage was deleted", None)


async def test_a_killed_worker_is_followed_by_another(
    base_url: str, db: Db, settings: Settings, store: Service
) -> None:
    gate = Gate()
    environment = {**settings.environment(), "FANFARE_OUTGOING_ALLOWED": LOOPBACK[0]}
    async with new_api(base_url, db) as api:
        bucket, content = store.new_bucket(), rows_of("killed", 300_000)
        store.call("PUT", bucket, "members.csv", content)
        second_piece = f"bytes={fetching.PIECE_BYTES}-"
        with between(store) as way:
            storage = await new_storage(api, store, bucket, endpoint=way.url)
            way.meddle = lambda each: gate.wait() if each.headers.get("range", "").startswith(second_piece) else None
            uid = await new_import(api, storage, "members.csv")
            first = Program(WORKER, **environment)

            async def is_in_the_middle() -> bool:
                return gate.is_reached.is_set()

            async def is_ready() -> bool:
                return bool((await import_of(api, uid))["state"] == "ready")

            await until(is_in_the_middle)
            first.kill()
            way.meddle = lambda _: None
            gate.open()
            await db.execute(END_LEASES, api.account_id)
            with Program(WORKER, **environment) as second:
                await until(is_ready)
                second.end()
            ranges = [each.headers["range"] for each in way.requests if "range" in each.headers]
        assert (await import_of(api, uid))["file_bytes"] == len(content)
        assert sum(each.startswith("bytes=0-") for each in ranges) == 1
        for secret in (store.secret, "Signature="):
            assert secret not in first.errors + second.errors
