"""Files of exports in storages: whole, once, with a manifest behind them, whatever happens on the way."""

import gzip
import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.exports.actions import delivering, upkeep
from fanfare.exports.actions.delivering import deliveries
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.storages.actions.transfers import WAITS
from fanfare.storages.gateways import buckets
from tests.api import Api, new_api
from tests.conftest import LOOPBACK
from tests.exports.test_exports import PATH, work_all
from tests.exports.test_schedules import PATH as SCHEDULES
from tests.exports.test_schedules import new_schedule, run_at, schedule_of
from tests.running import Program
from tests.servers import Reply, Request
from tests.storages.stores import PATH as STORAGES
from tests.storages.stores import Between, Gate, Service, between, new_storage
from tests.waits import until

FILLS_TABLES = True
WORKER = [sys.executable, "-P", "-m", "fanfare.cli.worker"]
# Rows that compression does not make smaller.
FILL = """
    insert into activities (account_id, activity_id, fan_id, created_at, props)
    select $1, nextval('positions'), $2, now(), jsonb_build_object('text', (
        select string_agg(md5(random()::text || number::text || piece::text), '') from generate_series(1, $4) as piece))
    from generate_series(1, $3) as number
"""
DELIVERIES = "select count(*) from export_deliveries where account_id = $1"
# The lease of a worker that was killed ends after half a minute.
END_LEASES = "update export_deliveries set lease_ends_at = '-infinity' where account_id = $1"


async def fill(api: Api, db: Db, count: int, pieces: int) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="busy@example.com")))["fan_id"]
    await db.execute(FILL, api.account_id, fan_id, count, pieces)


async def send_once(api: Api, db: Db) -> None:
    """Let a worker have one turn with each file on its way."""
    now = datetime.now(UTC)
    await deliveries().start(db.for_account(api.account_id), api.account_id, now, lambda: now)
    await deliveries().finish()


async def send_all(api: Api, db: Db, now: datetime | None = None) -> None:
    """Do what a worker would do with files on their way."""
    moment = now or datetime.now(UTC)
    while await deliveries().start(db.for_account(api.account_id), api.account_id, moment, lambda: moment):
        await deliveries().finish()


async def new_export(api: Api, db: Db, storage: dict[str, Any], **fields: Any) -> str:
    """Create an export whose rows are written, and return its uid."""
    values = {"table": "activities", "format": "ndjson", "storage_uid": storage["storage_uid"], **fields}
    uid: str = (await api.ok(await api.post(PATH, **values)))["export_uid"]
    await work_all(api, db)
    return uid


async def export_of(api: Api, uid: str) -> dict[str, Any]:
    result: dict[str, Any] = await api.ok(await api.get(f"{PATH}/{uid}"))
    return result


def check_written(store: Service, export: dict[str, Any]) -> None:
    """Check the object of an export, and its manifest."""
    assert export["state"] == "completed", export
    bucket, _, key = export["destination"].removeprefix("s3://").partition("/")
    content = store.content(bucket, key)
    assert (len(content), hashlib.sha256(content).hexdigest()) == (export["file_bytes"], export["sha256"])
    assert gzip.decompress(content).count(b"\n") == export["row_count"]
    manifest = json.loads(store.content(bucket, f"{key}.manifest.json"))
    assert manifest.pop("object_key") == key
    assert manifest.pop("write_timestamp") > 0
    assert manifest == {name: export[name] for name in manifest}
    assert {"sha256", "row_count", "watermark", "destination"} <= manifest.keys()
    assert store.upload_count(bucket) == 0


async def test_a_small_file_is_written_with_its_manifest(api: Api, db: Db, store: Service) -> None:
    await fill(api, db, 10, 1)
    storage = await new_storage(api, store, store.new_bucket(), prefix="from fanfare")
    uid = await new_export(api, db, storage)
    before = await export_of(api, uid)
    assert (before["state"], before["storage_uid"]) == ("delivering", storage["storage_uid"])
    assert before["destination"].startswith(f"s3://{storage['bucket']}/from fanfare/activities/activities_2")
    topic = "select count(*) from changes where account_id = $1 and topic = 'export.completed'"
    assert await db.value(topic, api.account_id) == 0
    await send_all(api, db)
    check_written(store, await export_of(api, uid))
    assert await db.value(topic, api.account_id) == 1
    # It can be fetched here too.
    link = (await api.ok(await api.post(f"{PATH}/{uid}/link")))["url"].rpartition("/")[2]
    assert (await api.client.get(f"/exports/{link}")).status_code == 200


async def test_a_large_file_is_written_in_parts_by_several_turns(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(api, db, 200, 10)
    monkeypatch.setattr(delivering, "PART_BYTES", 4096)
    monkeypatch.setattr(delivering, "TURN_SECONDS", 0.0)
    with between(store) as way:
        storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
        uid = await new_export(api, db, storage)
        await send_all(api, db)
        parts = [each.query for each in way.requests if "partNumber" in each.query]
    export = await export_of(api, uid)
    check_written(store, export)
    # No part was written twice, and the manifest came last.
    assert len(set(parts)) == len(parts) == -(-export["file_bytes"] // 4096) > 3
    assert way.requests[-1].path.endswith(".manifest.json")
    assert await db.value(DELIVERIES, api.account_id) == 0


def _fail_parts(way: Between, *numbers: int) -> list[int]:
    """Answer the first try of some parts with an error of the service; return those that are still to fail."""
    remaining = list(numbers)

    def meddle(request: Request) -> Reply | None:
        for number in remaining:
            if f"partNumber={number}&" in request.query:
                remaining.remove(number)
                return Reply(b"<Error><Code>SlowDown</Code></Error>", 503)
        return None

    way.meddle = meddle
    return remaining


async def test_a_service_that_fails_is_tried_again_later(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(api, db, 100, 10)
    monkeypatch.setattr(delivering, "PART_BYTES", 4096)
    with between(store) as way:
        waiting = _fail_parts(way, 2, 3)
        uid = await new_export(api, db, await new_storage(api, store, store.new_bucket(), endpoint=way.url))
        now = datetime.now(UTC)
        await send_all(api, db, now)
        assert (len(waiting), (await export_of(api, uid))["state"]) == (1, "delivering")
        # Not before its time.
        await send_all(api, db, now + WAITS[0] - timedelta(seconds=1))
        assert len(waiting) == 1
        await send_all(api, db, now + WAITS[0])
        assert not waiting
        await send_all(api, db, now + 2 * WAITS[0])
        firsts = sum("partNumber=1&" in each.query for each in way.requests)
    check_written(store, await export_of(api, uid))
    assert firsts == 1


async def test_a_service_that_is_silent_for_hours_ends_the_export(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(api, db, 100, 10)
    monkeypatch.setattr(delivering, "PART_BYTES", 4096)
    gate = Gate()
    with between(store) as way:
        storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
        uid = await new_export(api, db, storage)
        now = datetime.now(UTC)
        # The first part is stored without haste: each that is begins the count of failures anew.
        way.meddle = lambda each: Reply(b"", 503) if "partNumber=2" in each.query else None
        await send_all(api, db, now)
        monkeypatch.setattr(buckets, "SECONDS", 0.2)
        way.meddle = lambda each: gate.wait() if "partNumber=2" in each.query else None
        for wait in WAITS:
            now += wait
            await send_all(api, db, now)
        gate.open()
        export = await export_of(api, uid)
        assert (export["state"], export["has_file"]) == ("failed", True)
        assert export["failure"] == "The storage does not answer in time, or answers too much"
        # What was written in parts is deleted there.
        way.meddle = lambda _: None
        await send_all(api, db, now)
    assert (store.upload_count(storage["bucket"]), store.keys(storage["bucket"])) == (0, [])
    assert await db.value(DELIVERIES, api.account_id) == 0


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "a wrong secret": ({"secret": "wrong"}, "The storage refuses the secret of the access key"),
    "an unknown key": ({"access_key_id": "UNKNOWN"}, "The storage refuses the access key"),
    "no such bucket": ({"bucket": "not-there-at-all"}, "The storage has no such bucket"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_a_storage_refuses_ends_the_export_at_once(
    api: Api, db: Db, store: Service, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fields, failure = REFUSALS[name]
    await fill(api, db, 3, 1)
    storage = await new_storage(api, store, store.new_bucket(), **fields)
    uid = await new_export(api, db, storage)
    await send_all(api, db)
    export = await export_of(api, uid)
    assert (export["state"], export["failure"]) == ("failed", failure)
    out, err = capfd.readouterr()
    assert not any(secret in out + err for secret in (store.secret, "Signature=", "Credential="))


async def test_a_file_that_a_storage_did_not_take_stays_and_is_sent_again(api: Api, db: Db, store: Service) -> None:
    await fill(api, db, 3, 1)
    denied = Reply(b"<Error><Code>AccessDenied</Code></Error>", 403)
    with between(store) as way:
        storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
        way.meddle = lambda _: denied
        uid = await new_export(api, db, storage)
        await send_all(api, db)
        export = await export_of(api, uid)
        assert (export["state"], export["has_file"]) == ("failed", True)
        link = (await api.ok(await api.post(f"{PATH}/{uid}/link")))["url"].rpartition("/")[2]
        content = (await api.client.get(f"/exports/{link}")).content
        assert hashlib.sha256(content).hexdigest() == export["sha256"]
        way.meddle = lambda _: None
        assert await api.ok(await api.post(f"{PATH}/{uid}/deliver")) is True
        assert (await export_of(api, uid))["state"] == "delivering"
        await send_all(api, db)
        check_written(store, await export_of(api, uid))
        assert await db.value(DELIVERIES, api.account_id) == 0
        assert await api.ok(await api.post(f"{PATH}/{uid}/deliver")) is False
        # An erasure deletes it like other files.
        way.meddle = lambda _: denied
        uid = await new_export(api, db, storage)
        await send_all(api, db)
        erased = await api.ok(await api.post("/api/v1/crm/fans", email="erased@example.com"))
        await api.ok(await api.post(f"/api/v1/manage/fans/{erased['fan_id']}/erase"))
        assert (await export_of(api, uid))["has_file"] is False
        assert await api.ok(await api.post(f"{PATH}/{uid}/deliver")) is False


async def test_a_redirect_is_not_followed(api: Api, db: Db, store: Service) -> None:
    await fill(api, db, 3, 1)
    with between(store) as way, between(store) as elsewhere:
        way.meddle = lambda _: Reply(b"", 307, {"location": f"{elsewhere.url}/"})
        uid = await new_export(api, db, await new_storage(api, store, store.new_bucket(), endpoint=way.url))
        await send_all(api, db)
    assert (await export_of(api, uid))["failure"].startswith("The storage sends us to another address")
    assert elsewhere.requests == []


async def test_an_upload_that_the_service_forgot_begins_again(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(api, db, 100, 10)
    monkeypatch.setattr(delivering, "PART_BYTES", 4096)
    answers = [Reply(b"<Error><Code>NoSuchUpload</Code></Error>", 404)]
    with between(store) as way:
        way.meddle = lambda each: answers.pop() if answers and "partNumber=3&" in each.query else None
        uid = await new_export(api, db, await new_storage(api, store, store.new_bucket(), endpoint=way.url))
        now = datetime.now(UTC)
        await send_all(api, db, now)
        await send_all(api, db, now + WAITS[0])
        begins = sum(each.query == "uploads=" for each in way.requests)
    export = await export_of(api, uid)
    assert (export["state"], begins, answers) == ("completed", 2, [])


async def test_a_deleted_export_and_a_deleted_storage_end_on_the_way(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(api, db, 100, 10)
    monkeypatch.setattr(delivering, "PART_BYTES", 4096)
    monkeypatch.setattr(delivering, "TURN_SECONDS", 0.0)
    storage = await new_storage(api, store, store.new_bucket())
    uid = await new_export(api, db, storage)
    await send_once(api, db)
    assert store.upload_count(storage["bucket"]) == 1
    await api.ok(await api.delete(f"{PATH}/{uid}"))
    await send_all(api, db)
    assert (store.upload_count(storage["bucket"]), store.keys(storage["bucket"])) == (0, [])
    uid = await new_export(api, db, storage)
    await api.ok(await api.delete(f"{STORAGES}/{storage['storage_uid']}"))
    await send_all(api, db)
    export = await export_of(api, uid)
    assert (export["state"], export["failure"]) == ("failed", "The storage was deleted")
    assert (export["storage_uid"], export["destination"][:5]) == (None, "s3://")


async def test_an_erasure_on_the_way_begins_again_without_the_person(
    api: Api, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("first@example.com", "second@example.com")
    first, _ = [(await api.ok(await api.post("/api/v1/crm/fans", email=name)))["fan_id"] for name in names]
    monkeypatch.setattr(delivering, "PART_BYTES", 16)
    monkeypatch.setattr(delivering, "TURN_SECONDS", 0.0)
    storage = await new_storage(api, store, store.new_bucket())
    # The service takes no parts of sixteen bytes, but it has begun with them.
    uid = await new_export(api, db, storage, table="fans")
    await send_once(api, db)
    await api.ok(await api.post(f"/api/v1/manage/fans/{first}/erase"))
    assert (await export_of(api, uid))["state"] == "running"
    monkeypatch.undo()
    await work_all(api, db)
    await send_all(api, db)
    export = await export_of(api, uid)
    check_written(store, export)
    key = export["destination"].removeprefix(f"s3://{storage['bucket']}/")
    content = gzip.decompress(store.content(storage["bucket"], key))
    assert (b"first@" in content, b"second@" in content) == (False, True)


async def test_schedules_write_to_storages(api: Api, db: Db, store: Service) -> None:
    await fill(api, db, 3, 1)
    storage = await new_storage(api, store, store.new_bucket())
    schedule = await new_schedule(api, storage_uid=storage["storage_uid"], format="ndjson")
    assert schedule["storage_uid"] == storage["storage_uid"]
    await run_at(api, db, schedule["next_run_timestamp"])
    await send_all(api, db)
    path = f"{SCHEDULES}/{schedule['schedule_uid']}"
    ran = await schedule_of(api, schedule["schedule_uid"])
    check_written(store, await export_of(api, ran["last_export_uid"]))
    runs = (await api.ok(await api.get(PATH, schedule_uid=schedule["schedule_uid"])))["data"]
    assert [each["export_uid"] for each in runs] == [ran["last_export_uid"]]
    refused = await api.delete(f"{STORAGES}/{storage['storage_uid']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "storage_in_use")
    await api.ok(await api.post(path, storage_uid=""))
    assert (await schedule_of(api, schedule["schedule_uid"]))["storage_uid"] is None
    await api.ok(await api.delete(f"{STORAGES}/{storage['storage_uid']}"))


async def test_an_unknown_storage_is_refused(api: Api, other_api: Api, store: Service) -> None:
    theirs = await new_storage(other_api, store, "theirs")
    for path, fields in ((PATH, {}), (SCHEDULES, {"frequency": "daily", "hour": 4})):
        refused = await api.post(path, table="fans", storage_uid=theirs["storage_uid"], **fields)
        assert refused.status_code == 404, refused.text


async def test_a_killed_worker_is_followed_by_another(
    base_url: str, db: Db, settings: Settings, store: Service
) -> None:
    gate = Gate()
    environment = {**settings.environment(), "FANFARE_OUTGOING_ALLOWED": LOOPBACK[0]}
    async with new_api(base_url, db) as api:
        await fill(api, db, 300, 1900)
        with between(store) as way:
            storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
            way.meddle = lambda each: gate.wait() if "partNumber=2&" in each.query else None
            values = {"table": "activities", "format": "ndjson", "storage_uid": storage["storage_uid"]}
            uid = (await api.ok(await api.post(PATH, **values)))["export_uid"]
            first = Program(WORKER, **environment)

            async def is_in_the_middle() -> bool:
                return gate.is_reached.is_set()

            async def is_complete() -> bool:
                return bool(await db.value("select export_state = 'completed' from exports where export_uid = $1", uid))

            await until(is_in_the_middle)
            first.kill()
            way.meddle = lambda _: None
            gate.open()
            await db.execute(END_LEASES, api.account_id)
            with Program(WORKER, **environment) as second:
                await until(is_complete)
                second.end()
            queries = [each.query for each in way.requests]
        export = await export_of(api, uid)
        check_written(store, export)
        # The first part was written once, the second one again.
        assert sum("partNumber=1&" in each for each in queries) == 1
        assert sum(each == "uploads=" for each in queries) == 1
        assert export["file_bytes"] > 2 * delivering.PART_BYTES
        for secret in (store.secret, "Signature="):
            assert secret not in first.errors + second.errors


async def test_files_that_were_delivered_are_deleted_here_in_time(api: Api, db: Db, store: Service) -> None:
    await fill(api, db, 3, 1)
    storage = await new_storage(api, store, store.new_bucket())
    uid = await new_export(api, db, storage)
    late = datetime.now(UTC) + timedelta(days=8)
    await upkeep.forget_old_files(db, api.account_id, late)
    assert (await export_of(api, uid))["has_file"] is True
    await send_all(api, db)
    await upkeep.forget_old_files(db, api.account_id, late)
    assert (await export_of(api, uid))["has_file"] is False
