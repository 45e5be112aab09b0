"""Imports of files that are compressed by gzip: uploaded or objects, damaged, and bombs."""

import gzip
import json
from typing import Any
from uuid import UUID

import pytest

from fanfare.imports.actions import converting
from fanfare.imports.actions.files import source_uid
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.imports.files import run, state_of, upload, work_all
from tests.imports.test_fetches import fetch_all, new_import
from tests.servers import Reply, Request
from tests.storages.stores import Service, between, new_storage

CSV = "email,first_name\nzoe@gz.example,Zoë\nada@gz.example,Ada\n"
LINES = b'{"email": "lin@gz.example", "first_name": "Lin"}\n'
MANY = "email,first_name\n" + "".join(f"fan{number}@many.example,{number}\n" for number in range(20_000))
PARTS = "select count(*) from file_parts where account_id = $1 and file_uid = any($2::uuid[])"


async def unpacked(api: Api, db: Db, content: bytes, file_format: str = "csv") -> dict[str, Any]:
    """Return an import of a compressed file that a worker has unpacked."""
    uid = await upload(api, content, file_format=file_format)
    assert (await state_of(api, uid))["state"] == "converting"
    await work_all(api, db)
    return await state_of(api, uid)


FILES = {
    "csv": (gzip.compress(CSV.encode()), "csv", 2),
    "Windows-1252": (gzip.compress(CSV.encode("windows-1252")), "csv", 2),
    "ndjson": (gzip.compress(LINES), "ndjson", 1),
    "two members, padded": (gzip.compress(CSV[:30].encode()) + gzip.compress(CSV[30:].encode()) + bytes(9), "csv", 2),
    "several parts": (gzip.compress(MANY.encode()), "csv", 20_000),
}


@pytest.mark.parametrize("name", FILES)
async def test_a_compressed_file_is_imported(api: Api, db: Db, name: str) -> None:
    content, file_format, count = FILES[name]
    result = await unpacked(api, db, content, file_format)
    assert (result["state"], result["columns"]) == ("ready", ["email", "first_name"]), result
    done = await run(api, db, result["import_uid"])
    assert (done["state"], done["row_count"], done["error_count"]) == ("completed", count, 0), done
    if count == len(CSV.splitlines()) - 1:
        names = "select first_name from fans where account_id = $1 and email = 'zoe@gz.example'"
        assert await db.value(names, api.account_id) == "Zoë"


FAULTY = {
    "a begin alone": (b"\x1f\x8b" + b"x" * 100, "is damaged"),
    "cut": (gzip.compress(CSV.encode())[:-9], "is damaged"),
    "garbled": (gzip.compress(CSV.encode())[:20] + b"x" * 40, "is damaged"),
    "with more behind": (gzip.compress(CSV.encode()) + b"more", "is damaged"),
    "compressed twice": (gzip.compress(gzip.compress(CSV.encode())), "is compressed twice"),
    "empty": (gzip.compress(b""), "is empty"),
}


@pytest.mark.parametrize("name", FAULTY)
async def test_a_damaged_file_fails_its_import(api: Api, db: Db, name: str) -> None:
    content, words = FAULTY[name]
    result = await unpacked(api, db, content)
    assert (result["state"], words in (result["failure"] or "")) == ("failed", True), result


@pytest.mark.parametrize("limit", ["MAX_FILE_BYTES", "MAX_ACCOUNT_BYTES"])
async def test_a_bomb_ends_at_the_limit(base_url: str, db: Db, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(converting, limit, 1_000_000)
    sizes: list[int] = []
    append = files.append

    async def count(tx: Db, account_id: int, file_uid: UUID, offset: int, content: bytes) -> None:
        sizes.append(len(content))
        await append(tx, account_id, file_uid, offset, content)

    monkeypatch.setattr(files, "append", count)
    async with new_api(base_url, db) as api:
        result = await unpacked(api, db, gzip.compress(b"email\n" + b"\n" * 50_000_000))
        assert (result["state"], "too long when it is unpacked" in result["failure"]) == ("failed", True), result
        assert 0 < sum(sizes) <= 1_000_000
        assert await db.value(PARTS, api.account_id, [result["import_uid"]]) == 0


async def test_a_compressed_file_ends_with_the_erasure_of_a_fan(api: Api, db: Db) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="gone@gz.example")))["fan_id"]
    result = await unpacked(api, db, gzip.compress(CSV.encode()))
    uid = result["import_uid"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    assert (await state_of(api, uid))["has_file"] is False
    uids = [uid, source_uid(UUID(uid))]
    assert await db.value(PARTS, api.account_id, uids) == 0


async def test_a_compressed_object_is_imported(api: Api, db: Db, store: Service) -> None:
    bucket = store.new_bucket()
    store.call("PUT", bucket, "members.ndjson.gz", gzip.compress(LINES.replace(b"lin@", b"object@")))

    def answer_encoded(request: Request) -> Reply:
        """Say of objects that they are encoded, as some tools store them."""
        reply = way.passed_on(request)
        encoded = {**reply.headers, "Content-Encoding": "gzip"}
        return reply._replace(headers=encoded) if request.method == "GET" else reply

    with between(store) as way:
        way.meddle = answer_encoded
        storage = await new_storage(api, store, bucket, endpoint=way.url)
        uid = await new_import(api, storage, "members.ndjson.gz")
        await fetch_all(api, db)
    await work_all(api, db)
    result = await state_of(api, uid)
    assert (result["state"], result["format"]) == ("ready", "ndjson"), result
    assert (await run(api, db, uid))["created_count"] == 1


async def test_the_document_says_which_files_may_be_compressed(api: Api) -> None:
    document = (await api.client.get("/openapi.json")).json()
    (media,) = document["paths"]["/api/v1/manage/imports"]["post"]["requestBody"]["content"].values()
    schema = document["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]
    assert "csv or ndjson may be compressed by gzip" in json.dumps(schema["properties"]["format"])
