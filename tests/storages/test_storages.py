"""Storages: kept with a sealed secret, tested, listed; whatever a service does is told without anything secret."""

from http import HTTPStatus
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.http_client import http_client
from fanfare.kernel.running.settings import Settings
from fanfare.storages.gateways import buckets
from tests.api import Api
from tests.conftest import LOOPBACK
from tests.servers import Reply, Request
from tests.storages.stores import PATH, Gate, Service, between, new_storage


async def result_of_test(api: Api, storage: dict[str, Any]) -> Any:
    return await api.ok(await api.post(f"{PATH}/{storage['storage_uid']}/test"))


async def test_a_storage_is_created_changed_and_deleted(api: Api, db: Db, store: Service) -> None:
    bucket = store.new_bucket()
    storage = await new_storage(api, store, bucket, prefix="/club/fanfare/", endpoint=f"{store.url}/")
    assert [storage[name] for name in ("prefix", "region", "is_path_style", "endpoint")] == [
        "club/fanfare/", "us-east-1", True, store.url,
    ]  # fmt: skip
    path = f"{PATH}/{storage['storage_uid']}"
    assert await result_of_test(api, storage) == {"is_working": True, "failure": None}
    assert store.keys(bucket) == []
    await api.ok(await api.post(path, name="Second", prefix=""))
    await api.ok(await api.post(path, secret="another-secret"))
    second = await api.ok(await api.get(path))
    assert (second["name"], second["prefix"], second["bucket"]) == ("Second", "", bucket)
    topics = "select topic from changes where account_id = $1 and topic like 'storage.%' order by position"
    assert [row["topic"] for row in await db.rows(topics, api.account_id)] == [
        "storage.created", "storage.updated", "storage.updated",
    ]  # fmt: skip
    await api.ok(await api.delete(path))
    assert (await api.get(path)).status_code == HTTPStatus.NOT_FOUND
    assert (await api.post(f"{path}/test")).status_code == HTTPStatus.NOT_FOUND


async def test_a_wrong_secret_is_found_out_and_no_secret_is_given_out(api: Api, db: Db, store: Service) -> None:
    storage = await new_storage(api, store, store.new_bucket(), secret="another-secret")
    path = f"{PATH}/{storage['storage_uid']}"
    failed = await result_of_test(api, storage)
    assert failed == {
        "is_working": False,
        "failure": "An object cannot be written: the storage refuses the secret of the access key",
    }
    tested = await api.ok(await api.get(path))
    assert (tested["test_failure"], tested["test_timestamp"] > 0) == (failed["failure"], True)
    texts = [(await api.get(each)).text for each in (PATH, path, "/api/v1/manage/changes")]
    sealed = await db.value("select sealed_secret from storages where account_id = $1", api.account_id)
    assert not any(secret in text for text in (*texts, sealed) for secret in (store.secret, "another-secret"))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an address inside": ({"endpoint": "https://10.0.0.1"}, "endpoint"),
    "a path": ({"endpoint": "https://s3.example.com/bucket"}, "endpoint"),
    "a user": ({"endpoint": "https://key:secret@s3.example.com"}, "endpoint"),
    "plain HTTP": ({"endpoint": "http://s3.example.com"}, "endpoint"),
    "no bucket name": ({"bucket": "a/b"}, "bucket"),
    "steps up": ({"prefix": "club/../other"}, "prefix"),
    "a long prefix": ({"prefix": "x" * 501}, "prefix"),
    "a region with a break": ({"region": "us\neast"}, "region"),
    "a key with a comma": ({"access_key_id": "a,b"}, "access_key_id"),
    "a secret with a space": ({"secret": "a b"}, "secret"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_cannot_be_a_storage_is_refused(api: Api, name: str) -> None:
    fields, field = WRONG[name]
    values = {
        "name": "Wrong", "endpoint": "https://s3.example.com", "bucket": "club", "access_key_id": "key", "secret": "s",
    }  # fmt: skip
    refused = await api.post(PATH, **{**values, **fields})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), refused.text


async def test_an_account_has_at_most_twenty_storages(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fanfare.storages.actions.storages.MAX_STORAGES", 0)
    values = {"endpoint": "https://s3.example.com", "bucket": "club", "access_key_id": "key", "secret": "s"}
    refused = await api.post(PATH, name="One more", **values)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_storages")


async def test_objects_are_listed_page_by_page(api: Api, store: Service) -> None:
    bucket = store.new_bucket()
    names = ["in/a b+c.csv", "in/Größe & <1>.csv", "in/z%2Fz.csv", "out/x.csv"]
    for name in names:
        store.call("PUT", bucket, name, name.encode())
    storage = await new_storage(api, store, bucket, prefix="in")
    path = f"{PATH}/{storage['storage_uid']}/objects"
    rows, last_key, has_more = [], None, True
    while has_more:
        page = await api.ok(await api.get(path, limit=2, **({"last_object_key": last_key} if last_key else {})))
        rows += page["data"]
        last_key, has_more = page["meta"]["last_object_key"], page["meta"]["has_more"]
    expected = sorted(names[:3], key=lambda each: each.encode())
    assert [(row["object_key"], row["object_bytes"]) for row in rows] == [
        (each, len(each.encode())) for each in expected
    ]
    assert all(row["last_update_timestamp"] > 0 for row in rows)
    only = await api.ok(await api.get(path, prefix="a b"))
    assert [row["object_key"] for row in only["data"]] == ["in/a b+c.csv"]


def _many(_: Request) -> Reply:
    rows = b"".join(b"<Contents><Key>%d</Key><Size>1</Size></Contents>" % number for number in range(1000))
    return Reply(b"<ListBucketResult>%s</ListBucketResult>" % rows)


async def test_more_objects_than_were_asked_for_are_left_out(api: Api, store: Service) -> None:
    with between(store) as strange:
        strange.meddle = _many
        storage = await new_storage(api, store, "somewhere", endpoint=strange.url)
        page = await api.ok(await api.get(f"{PATH}/{storage['storage_uid']}/objects", limit=3))
    assert (page["meta"]["count"], page["meta"]["has_more"]) == (3, True)


async def test_a_missing_bucket_a_closed_port_and_a_silent_service_are_told(
    api: Api, store: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = await new_storage(api, store, "not-there")
    assert (await result_of_test(api, missing))["failure"].endswith("the storage has no such bucket")
    closed = await new_storage(api, store, "not-there", endpoint="http://127.0.0.1:1")
    assert (await result_of_test(api, closed))["failure"].endswith("the storage cannot be reached")
    monkeypatch.setattr(buckets, "SECONDS", 0.2)
    gate = Gate()
    with between(store) as slow:
        slow.meddle = lambda _: gate.wait()
        silent = await new_storage(api, store, "not-there", endpoint=slow.url)
        failure = (await result_of_test(api, silent))["failure"]
        gate.open()
    assert failure.endswith("the storage does not answer in time, or answers too much")


DENIED = Reply(b"<Error><Code>AccessDenied</Code></Error>", 403)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_the_object_of_a_test_is_deleted_when_it_cannot_be_read(api: Api, store: Service, method: str) -> None:
    bucket = store.new_bucket()
    with between(store) as strange:
        strange.meddle = lambda each: DENIED if each.method == method else None
        storage = await new_storage(api, store, bucket, endpoint=strange.url)
        failure = (await result_of_test(api, storage))["failure"]
    assert failure == "An object cannot be read: the storage does not allow this to the access key"
    assert store.keys(bucket) == []


async def test_no_more_is_read_in_a_test_than_was_written(api: Api, store: Service) -> None:
    long = Reply(b"", headers={"etag": '"one"', "content-length": str(2**40)})
    with between(store) as strange:
        strange.meddle = lambda each: long if each.method == "HEAD" else None
        storage = await new_storage(api, store, store.new_bucket(), endpoint=strange.url)
        result = await result_of_test(api, storage)
        methods = [each.method for each in strange.requests]
    assert result == {"is_working": False, "failure": "What was read is not what was written"}
    assert methods == ["PUT", "HEAD", "DELETE"]


async def test_an_address_that_is_closed_later_is_not_reached(api: Api, store: Service) -> None:
    bucket = store.new_bucket()
    storage = await new_storage(api, store, bucket)
    try:
        http_client.use(Settings())
        failure = (await result_of_test(api, storage))["failure"]
    finally:
        http_client.use(Settings(outgoing_allowed=LOOPBACK))
    assert "has an address that is not public" in failure


async def test_nothing_secret_is_logged(api: Api, store: Service, capfd: pytest.CaptureFixture[str]) -> None:
    storage = await new_storage(api, store, "not-there")
    await result_of_test(api, storage)
    await api.get(f"{PATH}/{storage['storage_uid']}/objects")
    out, err = capfd.readouterr()
    assert not any(each in out + err for each in (store.secret, "Signature=", store.access_key_id))


async def test_other_accounts_do_not_see_a_storage(api: Api, other_api: Api, store: Service) -> None:
    storage = await new_storage(api, store, "somewhere")
    for path in ("", "/objects"):
        answer = await other_api.get(f"{PATH}/{storage['storage_uid']}{path}")
        assert answer.status_code == HTTPStatus.NOT_FOUND
    assert await other_api.ok(await other_api.get(PATH)) == []
