"""Exports and erasures: no file is made of a person while the erasure goes on, and copies at storages are named."""

import asyncio
import gzip
from typing import Any

import pytest

from fanfare.exports.actions import delivering
from fanfare.exports.actions.delivering import MANIFEST
from fanfare.exports.queries.objects import OF_ANYBODY, OF_PEOPLE, OF_THINGS
from fanfare.exports.queries.tables.statements import TABLES
from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.exports.test_deliveries import export_of, new_export, send_all, send_once
from tests.exports.test_exports import PATH, work_all
from tests.servers import Reply
from tests.storages.stores import PATH as STORAGES
from tests.storages.stores import Service, between, new_storage
from tests.waits import until_blocked

ERASURES = "/api/v1/manage/erasures"


async def new_fan(api: Api, **fields: Any) -> int:
    fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", **fields)))["fan_id"]
    return fan_id


async def erase(api: Api, fan_id: int) -> dict[str, Any]:
    certificate: dict[str, Any] = await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    return certificate


async def test_an_export_that_begins_late_in_an_erasure_names_nobody_who_is_erased(api: Api, db: Db) -> None:
    fan_id = await new_fan(api, email="gone@begins.example")
    await new_fan(api, email="stays@begins.example")
    # An erasure deletes what a fan has after it has deleted the files.
    locking = "select from fan_identifiers where account_id = $1 and fan_id = $2 for update"
    async with db.transaction() as tx:
        await tx.execute(locking, api.account_id, fan_id)
        erasure = asyncio.create_task(erase(api, fan_id))
        await until_blocked(db, tx, erasure)
        uid = (await api.ok(await api.post(PATH, table="fans", format="ndjson")))["export_uid"]
        await work_all(api, db)
    await erasure
    await work_all(api, db)
    assert (await export_of(api, uid))["state"] == "completed"
    link = (await api.ok(await api.post(f"{PATH}/{uid}/link")))["url"].rpartition("/")[2]
    content = gzip.decompress((await api.client.get(f"/exports/{link}")).content)
    assert (b"gone@" in content, b"stays@" in content) == (False, True)


EARLIER = "update {table} set {column} = {column} - interval '{hours} hours' where account_id = $1"


async def new_files(api: Api, db: Db, storage: dict[str, Any], *tables: str) -> list[dict[str, Any]]:
    """Return exports whose files are complete at a storage, as if two hours ago."""
    exports = []
    for table in tables:
        uid = await new_export(api, db, storage, table=table)
        await send_all(api, db)
        exports.append(await export_of(api, uid))
    await db.execute(EARLIER.format(table="export_objects", column="completed_at", hours=2), api.account_id)
    return exports


async def objects(api: Api, certificate: dict[str, Any], **params: Any) -> dict[str, Any]:
    page: dict[str, Any] = await api.ok(await api.get(f"{ERASURES}/{certificate['erasure_id']}/objects", **params))
    return page


async def test_a_certificate_counts_the_files_at_storages_that_may_contain_the_person(
    base_url: str, db: Db, store: Service
) -> None:
    async with new_api(base_url, db) as api, new_api(base_url, db) as other_api:
        storage = await new_storage(api, store, store.new_bucket(), prefix="copies")
        early = await new_fan(api, email="early@copies.example")
        await db.execute(EARLIER.format(table="fans", column="created_at", hours=3), api.account_id)
        exports = await new_files(api, db, storage, "fans", "suppressions", "tags")
        late = await new_fan(api, email="late@copies.example")
        # What is complete there stays there when its export is deleted.
        await api.ok(await api.delete(f"{PATH}/{exports[0]['export_uid']}"))
        certificate, later = await erase(api, early), await erase(api, late)
        page = await objects(api, certificate)
        assert [each["table"] for each in page["data"]] == ["suppressions", "fans"]
        # Whoever came later is in none but those that name people before they are fans.
        assert [each["table"] for each in (await objects(api, later))["data"]] == ["suppressions"]
        assert (certificate["object_count"], later["object_count"]) == (2, 1)
        for export, copy in zip((exports[1], exports[0]), page["data"], strict=True):
            assert f"s3://{copy['bucket']}/{copy['object_key']}" == export["destination"]
            assert (copy["export_uid"], copy["endpoint"]) == (export["export_uid"], store.url)
            assert copy["storage_uid"] == storage["storage_uid"]
            assert store.content(copy["bucket"], copy["object_key"])
        # What is complete after an erasure is without the person.
        await new_files(api, db, storage, "fans")
        assert [each["object_id"] for each in (await objects(api, certificate))["data"]] == [
            each["object_id"] for each in page["data"]
        ]
        path = f"{ERASURES}/{certificate['erasure_id']}/objects"
        assert (await other_api.get(path)).status_code == 404


async def test_files_at_storages_are_listed_page_by_page(api: Api, db: Db, store: Service) -> None:
    fan_id = await new_fan(api, email="pages@copies.example")
    storage = await new_storage(api, store, store.new_bucket())
    await new_files(api, db, storage, "fans", "consents", "activities")
    await db.execute(EARLIER.format(table="fans", column="created_at", hours=3), api.account_id)
    # One that is fetched by a link is deleted here.
    fetched = (await api.ok(await api.post(PATH, table="fans")))["export_uid"]
    await work_all(api, db)
    certificate = await erase(api, fan_id)
    assert (await export_of(api, fetched))["has_file"] is False
    page = await objects(api, certificate)
    first = await objects(api, certificate, limit=1)
    assert first["meta"] == {"min_object_id": page["data"][0]["object_id"], "count": 1, "has_more": True}
    rest = await objects(api, certificate, max_object_id=first["meta"]["min_object_id"])
    assert (first["data"] + rest["data"], rest["meta"]["has_more"]) == (page["data"], False)
    # The objects of other tests of this account are among them.
    assert {"fans", "consents", "activities"} <= {each["table"] for each in page["data"]}


async def test_a_certificate_from_before_files_were_counted_lists_them_all(api: Api, db: Db, store: Service) -> None:
    fan_id = await new_fan(api, email="before@copies.example")
    storage = await new_storage(api, store, store.new_bucket())
    await new_export(api, db, storage, table="consents")
    await send_all(api, db)
    certificate = await erase(api, fan_id)
    sql = "update erasures set object_count = null, fan_created_at = null where account_id = $1"
    await db.execute(sql, api.account_id)
    assert "consents" in {each["table"] for each in (await objects(api, certificate))["data"]}
    assert "object_count" not in await api.ok(await api.get(f"{ERASURES}/{certificate['erasure_id']}"))


DENIED = Reply(b"<Error><Code>AccessDenied</Code></Error>", 403)
AWAY = Reply(b"<Error><Code>InternalError</Code></Error>", 500)


async def test_a_file_on_its_way_that_cannot_be_deleted_is_named(base_url: str, db: Db, store: Service) -> None:
    async with new_api(base_url, db) as api:
        fan_id, other = [await new_fan(api, email=f"{name}@way.example") for name in ("first", "second")]
        with between(store) as way:
            storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
            # The object is there, its manifest is not.
            way.meddle = lambda each: AWAY if each.method == "PUT" and each.path.endswith(MANIFEST) else None
            uid = await new_export(api, db, storage, table="fans")
            await send_all(api, db)
            (key,) = store.keys(storage["bucket"])
            certificate = await erase(api, fan_id)
            (copy,) = (await objects(api, certificate))["data"]
            assert certificate["object_count"] == 1
            assert (copy["export_uid"], copy["object_key"], copy["table"]) == (uid, key, "fans")
            assert (copy["is_complete"], copy["completion_timestamp"]) == (False, None)
            # The key may write, but not delete.
            way.meddle = lambda each: DENIED if each.method == "DELETE" else None
            await send_all(api, db)
            assert store.keys(storage["bucket"]) == [key]
            assert (await objects(api, certificate))["data"] == [copy]
            # Whoever is erased later was in it as well.
            later = await erase(api, other)
            assert (later["object_count"], (await objects(api, later))["data"]) == (1, [copy])


async def test_a_file_on_its_way_is_named_until_it_is_deleted(base_url: str, db: Db, store: Service) -> None:
    async with new_api(base_url, db) as api:
        fan_id = await new_fan(api, email="gone@way.example")
        with between(store) as way:
            storage = await new_storage(api, store, store.new_bucket(), endpoint=way.url)
            way.meddle = lambda each: AWAY if each.method == "PUT" and each.path.endswith(MANIFEST) else None
            await new_export(api, db, storage, table="fans")
            await send_all(api, db)
            certificate = await erase(api, fan_id)
            assert [each["is_complete"] for each in (await objects(api, certificate))["data"]] == [False]
            way.meddle = lambda _: None
            await send_all(api, db)
        assert store.keys(storage["bucket"]) == []
        assert (await objects(api, certificate))["data"] == []


async def test_what_a_storage_refused_was_never_there(base_url: str, db: Db, store: Service) -> None:
    async with new_api(base_url, db) as api:
        fan_id = await new_fan(api, email="never@way.example")
        with between(store) as way:
            way.meddle = lambda each: DENIED if each.method in ("PUT", "DELETE") else None
            await new_export(api, db, await new_storage(api, store, store.new_bucket(), endpoint=way.url), table="fans")
            await send_all(api, db)
        assert (await erase(api, fan_id))["object_count"] == 0


async def test_what_stays_of_a_deleted_export_is_named(
    base_url: str, db: Db, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "PART_BYTES", 16)
    monkeypatch.setattr(delivering, "TURN_SECONDS", 0.0)
    async with new_api(base_url, db) as api:
        fan_id = await new_fan(api, email="deleted@way.example")
        storage = await new_storage(api, store, store.new_bucket())
        uid = await new_export(api, db, storage, table="fans")
        await send_once(api, db)
        assert store.upload_count(storage["bucket"]) == 1
        await api.ok(await api.delete(f"{PATH}/{uid}"))
        await api.ok(await api.delete(f"{STORAGES}/{storage['storage_uid']}"))
        await send_all(api, db)
        certificate = await erase(api, fan_id)
        assert certificate["object_count"] == 1
        (copy,) = (await objects(api, certificate))["data"]
        assert (copy["export_uid"], copy["storage_uid"], copy["is_complete"]) == (uid, None, False)
        assert store.upload_count(storage["bucket"]) == 1


def test_tables_without_people_name_no_fan() -> None:
    assert {name for name in OF_THINGS if any(each.endswith("fan_id") for each in TABLES[name].columns)} == set()
    assert set(OF_ANYBODY) <= set(OF_PEOPLE) < TABLES.keys()
