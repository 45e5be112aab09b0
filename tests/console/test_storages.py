"""Pages of storages, of imports from them, of schedules, and of the sheets of workbooks."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fanfare.console.shell.failures import PATTERNS, failure_text
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.languages import Language
from fanfare.storages.gateways.faults import WORDS
from tests.api import Api
from tests.console.people import send, signed_in
from tests.exports.test_deliveries import send_all
from tests.exports.test_exports import work_all as write_exports
from tests.imports.files import work_all
from tests.imports.test_fetches import fetch_all
from tests.imports.test_workbooks import workbook_of
from tests.storages.stores import Service, new_storage


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


async def first_storage(client: httpx.AsyncClient, api: Api, store: Service) -> tuple[str, str]:
    """Create a storage by the page; return the path of its page and its uid."""
    path = f"/manage/{api.account_id}/settings/storages"
    fields = {
        "name": "Warehouse", "endpoint": store.url, "bucket": store.new_bucket(), "prefix": "club",
        "access_key_id": store.access_key_id, "secret": store.secret, "region": "", "is_path_style": "",
    }  # fmt: skip
    answer = await send(client, path, **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, path), answer.text
    (storage,) = await api.ok(await api.get("/api/v1/manage/storages"))
    return path, storage["storage_uid"]


async def test_a_storage_is_made_tested_changed_and_deleted(
    client: httpx.AsyncClient, api: Api, store: Service
) -> None:
    path, uid = await first_storage(client, api, store)
    page = (await client.get(path)).text
    assert ("Warehouse" in page, "not tested" in page, store.secret in page) == (True, True, False)
    await send(client, path, f"{path}/{uid}/test")
    page = (await client.get(path)).text
    assert "The storage works" in page
    await send(client, path, f"{path}/{uid}", name="Second", secret="wrong")
    await send(client, path, f"{path}/{uid}/test")
    page = (await client.get(path)).text
    assert ("Second" in page, "refuses the secret" in page, "The storage does not work" in page) == (True, True, True)
    await send(client, path, f"{path}/{uid}/delete")
    assert "Files are fetched and uploaded by hand" in (await client.get(path)).text
    audit = (await client.get(f"/manage/{api.account_id}/audit")).text
    assert not any(each in audit for each in (store.secret, store.access_key_id))


async def test_an_export_goes_to_a_storage(client: httpx.AsyncClient, api: Api, db: Db, store: Service) -> None:
    storage = await new_storage(api, store, store.new_bucket())
    root = f"/manage/{api.account_id}/exports"
    await send(client, f"{root}/new", table="fans", format="csv", storage_uid=storage["storage_uid"])
    await write_exports(api, db)
    page = (await client.get(root)).text
    assert ("on its way" in page, f"s3://{storage['bucket']}/fans/fans_" in page) == (True, True)
    await send_all(api, db)
    page = (await client.get(root)).text
    assert ("on its way" in page, len(store.keys(storage["bucket"]))) == (False, 2)


async def test_an_object_is_chosen_and_read(client: httpx.AsyncClient, api: Api, db: Db, store: Service) -> None:
    bucket = store.new_bucket()
    for number in range(51):
        store.call("PUT", bucket, f"in/{number:02}.csv", b"email\nchosen@example.com\n")
    storage = await new_storage(api, store, bucket, name="Objects")
    root = f"/manage/{api.account_id}/imports"
    assert "From a storage" in (await client.get(f"{root}/new")).text
    path = f"{root}/objects"
    assert "Objects" in (await client.get(path)).text
    page = (await client.get(path, params={"storage_uid": storage["storage_uid"], "prefix": "in/"})).text
    assert ("in/00.csv" in page, "in/50.csv" in page) == (True, False)
    next_page = re.search(r'href="([^"]*last_object_key[^"]*)"', page)
    assert next_page is not None
    assert "in/50.csv" in (await client.get(next_page[1].replace("&amp;", "&"))).text
    listing = f"{path}?storage_uid={storage['storage_uid']}&prefix=in"
    fields = {"storage_uid": storage["storage_uid"], "object_key": "in/07.csv", "kind": "fans", "name": "From there"}
    answer = await send(client, listing, path, **fields)
    one = answer.headers["location"]
    page = (await client.get(one)).text
    assert ("is being fetched" in page, f"s3://{bucket}/in/07.csv" in page) == (True, True)
    await fetch_all(api, db)
    assert "How the file is read" in (await client.get(one)).text
    broken = await new_storage(api, store, bucket, name="Broken", secret="wrong")
    page = (await client.get(path, params={"storage_uid": broken["storage_uid"]})).text
    assert "refuses the secret" in page


async def test_another_sheet_is_read(client: httpx.AsyncClient, api: Api, db: Db) -> None:
    content = workbook_of(First=[["email"], ["one@example.com"]], Second=[["phone"], ["+16045550123"]])
    uid = (await api.ok(await api.post("/api/v1/manage/imports", kind="fans", format="xlsx")))["import_uid"]
    await api.client.post(f"/api/v1/manage/imports/{uid}/file", content=content, headers=api.keys)
    await work_all(api, db)
    path = f"/manage/{api.account_id}/imports/{uid}"
    page = (await client.get(path)).text
    assert re.search(r"<option selected>First</option>\s*<option>Second</option>", page)
    await send(client, path, f"{path}/sheet", sheet="Second")
    await work_all(api, db)
    page = (await client.get(path)).text
    assert ("<option selected>Second</option>" in page, "+16045550123" in page) == (True, True)
    refused = await send(client, path, f"{path}/sheet", sheet="Third")
    assert refused.status_code == 422


async def test_a_schedule_is_made_changed_paused_and_deleted(
    client: httpx.AsyncClient, api: Api, store: Service
) -> None:
    storage = await new_storage(api, store, "nightly", name="Nightly storage")
    uid = (await api.ok(await api.post("/api/v1/manage/filters", filter_name="Friends")))["filter_uid"]
    root = f"/manage/{api.account_id}/exports/schedules"
    assert "Nothing is exported by itself" in (await client.get(root)).text
    fields: dict[str, Any] = {
        "name": "Weekly locals", "table": "fans", "filter_uid": uid, "format": "ndjson", "frequency": "weekly",
        "hour": 6, "weekday": 5, "month_day": 1, "storage_uid": storage["storage_uid"], "retention_days": 30,
    }  # fmt: skip
    answer = await send(client, f"{root}/new", **fields)
    assert answer.headers["location"] == root, answer.text
    page = (await client.get(root)).text
    assert all(text in page for text in ("Weekly locals", "Friday, 06:00", "Nightly storage"))
    (schedule,) = (await api.ok(await api.get("/api/v1/manage/export_schedules")))["data"]
    assert (schedule["search"], schedule["weekday"]) == ({"fan_incl_segments": f"filter:{uid}"}, 5)
    path = f"{root}/{schedule['schedule_uid']}"
    assert "It has not run yet" in (await client.get(path)).text
    new_fields = {**fields, "frequency": "monthly", "month_day": 31, "storage_uid": ""}
    del new_fields["table"], new_fields["filter_uid"], new_fields["format"]
    await send(client, path, **new_fields)
    assert "day 31 of the month, 06:00" in (await client.get(path)).text
    await send(client, path, is_active="false")
    assert "paused" in (await client.get(path)).text
    now = await api.ok(await api.get(f"/api/v1/manage/export_schedules/{schedule['schedule_uid']}"))
    assert (now["is_active"], now["storage_uid"], now["month_day"]) == (False, None, 31)
    await send(client, path, f"{path}/delete")
    assert (await client.get(path)).status_code == 404


async def test_the_runs_of_a_schedule_stand_on_its_page(client: httpx.AsyncClient, api: Api, db: Db) -> None:
    fields = {"table": "activities", "frequency": "daily", "hour": 4, "name": "Each night"}
    saved = await api.ok(await api.post("/api/v1/manage/export_schedules", **fields))
    sql = """
        insert into exports (account_id, export_id, export_uid, table_name, file_format, export_state, watermark,
                             created_at, updated_at, schedule_id, row_count, failure)
        select $1, nextval('positions'), gen_random_uuid(), 'activities', 'csv', 'failed', 0, now(), now(), schedule_id,
               1234, 'it was late'
        from export_schedules where account_id = $1 and schedule_uid = $2
    """
    await db.execute(sql, api.account_id, saved["schedule_uid"])
    page = (await client.get(f"/manage/{api.account_id}/exports/schedules/{saved['schedule_uid']}")).text
    assert ("1,234" in page, "it was late" in page) == (True, True)


async def test_failures_are_in_the_language_of_the_page(
    client: httpx.AsyncClient, api: Api, db: Db, store: Service
) -> None:
    path = f"/manage/{api.account_id}/settings/storages"
    uid = (await new_storage(api, store, store.new_bucket(), secret="wrong"))["storage_uid"]
    await send(client, path, f"{path}/{uid}/test")
    root = f"/manage/{api.account_id}"
    await send(client, f"{root}/exports/new", table="fans", format="csv", storage_uid=uid)
    await write_exports(api, db)
    await send_all(api, db)
    refusals = {
        "en": "refuses the secret of the access key", "de": "lehnt das Geheimnis des Zugriffsschlüssels ab",
        "fr": "refuse le secret de la clé d\N{RIGHT SINGLE QUOTATION MARK}accès",
    }  # fmt: skip
    objects = f"{root}/imports/objects?storage_uid={uid}"
    for code, refusal in refusals.items():
        for page in (path, f"{root}/exports", objects):
            text = (await client.get(page, headers={"accept-language": code})).text
            assert [each for each in refusals.values() if each in text] == [refusal], (code, page)


@pytest.mark.parametrize("code", ["de", "fr"])
def test_each_failure_is_translated(code: str) -> None:
    language = Language(code)
    values = {"region": "eu-west-1", "bytes": "10", "status": "HTTP 404 (NoSuchKey)", "error": "ValueError"}
    for fault in (*WORDS.values(), *(text % values for text in PATTERNS.values())):
        text = failure_text(language, f"The storage {fault}")
        assert fault not in text
        assert "%(" not in text
    assert "eu-west-1" in failure_text(language, f"The storage {next(iter(PATTERNS.values())) % values}")
