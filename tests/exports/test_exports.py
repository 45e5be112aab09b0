"""Exports: every row once, formulas neutral, a manifest that fits the file, links that end, erasure."""

import csv
import gzip
import hashlib
import io
import json
import zlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from fanfare.exports.actions import parquet, running, upkeep
from fanfare.exports.queries.tables.statements import TABLES
from fanfare.exports.schemas.exports import NAMES
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.file_work import MAX_FAILURES
from tests.api import Api
from tests.imports.files import imported

PATH = "/api/v1/manage/exports"


async def work_all(api: Api, db: Db) -> None:
    """Do what workers would do."""
    while await running.work(db.for_account(api.account_id), api.account_id, datetime.now(UTC)):
        pass


async def exported(api: Api, db: Db, **params: Any) -> tuple[dict[str, Any], bytes]:
    """Return an export that ended, and the content of its file, fetched by a link and compared with the manifest."""
    uid = (await api.ok(await api.post(PATH, **params)))["export_uid"]
    await work_all(api, db)
    result: dict[str, Any] = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert result["state"] == "completed", result
    link = await api.ok(await api.post(f"{PATH}/{uid}/link"))
    answer = await api.client.get("/exports/" + link["url"].rpartition("/")[2])
    assert answer.status_code == 200, answer.text
    assert hashlib.sha256(answer.content).hexdigest() == result["sha256"]
    assert len(answer.content) == result["file_bytes"]
    content = zlib.decompress(answer.content, zlib.MAX_WBITS | 16)
    assert gzip.decompress(answer.content) == content
    assert len(content) == result["content_bytes"]
    return result, content


async def test_fans_come_out_as_they_went_in(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BATCH", 3)
    head = "email,phone,first_name,last_name,is_subscribed"
    rows = [
        f'e{number}@example.com,+16045550{number:03},=SUM(A1),"O\'Hara, ""Jr""\nX",yes' for number in range(100, 110)
    ]
    await imported(api, db, "\n".join([head, *rows]).encode(), values={"country_code": "CA"})
    result, content = await exported(api, db, table="fans")
    table = list(csv.DictReader(io.StringIO(content.decode())))
    assert result["row_count"] == len(table) == 10
    assert list(table[0]) == list(TABLES["fans"].columns)
    assert table[0]["first_name"] == "'=SUM(A1)"
    assert table[0]["phone"] == "'+16045550100"
    assert table[0]["last_name"] == 'O\'Hara, "Jr"\nX'
    again = await imported(api, db, content)
    assert (again["matched_count"], again["error_count"]) == (10, 0)
    lines = (await exported(api, db, table="fans", format="ndjson"))[1].decode().splitlines()
    assert json.loads(lines[0])["first_name"] == "=SUM(A1)"
    assert json.loads(lines[0])["is_subscribed"] is True
    search = await api.ok(await api.get("/api/v1/crm/fans", limit=1))
    searched = await exported(api, db, table="fans", search_uid=search["meta"]["search_uid"])
    assert searched[1] == content


async def test_each_table_is_exported_in_each_format(api: Api, db: Db) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="all@example.com", is_subscribed=True)))["fan_id"]
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title="Half-time quiz"))
    for table, columns in ((name, each.columns) for name, each in TABLES.items()):
        lines = (await exported(api, db, table=table, format="ndjson"))[1].decode().splitlines()
        assert all(json.loads(line).keys() == columns.keys() for line in lines)
        text = (await exported(api, db, table=table))[1].decode()
        assert len(list(csv.reader(io.StringIO(text)))) == len(lines) + 1
    _, content = await exported(api, db, table="activities", format="ndjson")
    assert json.loads(content.splitlines()[-1])["campaign_title"] == "Half-time quiz"


async def test_tables_without_a_number_are_written_batch_by_batch(
    api: Api, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = """
        insert into ad_days (account_id, figure_date, network, ad_account_key, campaign_key, ad_key, campaign_name,
                             currency, spend, impressions, clicks, conversion_count, conversion_amount,
                             offline_conversion_count, offline_conversion_amount, custom_conversion_count,
                             custom_conversion_amount, custom_offline_conversion_count,
                             custom_offline_conversion_amount, updated_at)
        select $1, date '2026-01-01' + number / 4, 'n', 'a' || number % 2, E'ü"\\n', number::text, '', 'CAD', 1, 1, 1,
               1, 1, 0, 0, 0, 0, 0, 0, now()
        from generate_series(1, 25) as number
    """
    await db.execute(sql, api.account_id)
    for number in range(8):
        await api.ok(await api.post("/api/v1/manage/points", point_name=f"Category {number}"))
    for table in ("ad_days", "point_categories"):
        expected = (await exported(api, db, table=table, format="ndjson"))[1]
        for size in (1, 3, 25):
            monkeypatch.setattr(running, "BATCH", size)
            result, content = await exported(api, db, table=table, format="ndjson")
            assert content == expected
            assert result["row_count"] == len(set(content.splitlines())) == content.count(b"\n")
        monkeypatch.undo()


async def test_a_copy_is_brought_up_to_date_from_the_watermark(api: Api, db: Db) -> None:
    result, _ = await exported(api, db, table="activities")
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="after@example.com")))["fan_id"]
    changes = await api.ok(await api.get("/api/v1/manage/changes", after=result["watermark"], topics="fan.created"))
    assert [each["fan_id"] for each in changes] == [fan_id]


async def test_links_end(api: Api, db: Db, base_url: str) -> None:
    del base_url
    result, _ = await exported(api, db, table="consents")
    link = await api.ok(await api.post(f"{PATH}/{result['export_uid']}/link", minutes=1))
    seconds = link["expires_timestamp"] - system_clock().timestamp()
    assert 0 < seconds <= 60
    sealed = link["url"].rpartition("/")[2]
    assert (await api.client.get(f"/exports/{sealed[:-4]}AAAA")).status_code == 404
    await api.ok(await api.delete(f"{PATH}/{result['export_uid']}"))
    assert (await api.client.get(f"/exports/{sealed}")).status_code == 404


async def test_files_end_with_the_erasure_of_a_fan_and_with_age(api: Api, db: Db) -> None:
    result, _ = await exported(api, db, table="fans")
    waiting = (await api.ok(await api.post(PATH, table="fans")))["export_uid"]
    gone = (await api.ok(await api.post("/api/v1/crm/fans", email="gone@example.com")))["fan_id"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{gone}/erase"))
    assert (await api.ok(await api.get(f"{PATH}/{result['export_uid']}")))["has_file"] is False
    assert (await api.post(f"{PATH}/{result['export_uid']}/link")).status_code == 409
    await work_all(api, db)
    later = await api.ok(await api.get(f"{PATH}/{waiting}"))
    assert (later["state"], later["has_file"]) == ("completed", True)
    await upkeep.forget_old_files(db, api.account_id, datetime.now(UTC) + timedelta(days=8))
    assert (await api.ok(await api.get(f"{PATH}/{waiting}")))["has_file"] is False
    parts = "select count(*) from file_parts join exports on file_uid = export_uid where exports.account_id = $1"
    assert await db.value(parts, api.account_id) == 0


async def test_a_search_is_of_fans_and_of_this_account(api: Api) -> None:
    assert (await api.post(PATH, table="tickets", search_uid="6f1c0a52-8f0e-4b7e-9a55-3f0f8a2f4c11")).status_code == 422
    assert (await api.post(PATH, table="fans", search_uid="6f1c0a52-8f0e-4b7e-9a55-3f0f8a2f4c11")).status_code == 404


async def test_an_export_whose_search_ended_fails(api: Api, db: Db) -> None:
    await api.ok(await api.post("/api/v1/crm/fans", email="searched@example.com"))
    search = await api.ok(await api.get("/api/v1/crm/fans", limit=1))
    search_uid = search["meta"]["search_uid"]
    uid = (await api.ok(await api.post(PATH, table="fans", search_uid=search_uid)))["export_uid"]
    await db.execute("delete from searches where account_id = $1 and search_uid = $2", api.account_id, search_uid)
    await work_all(api, db)
    result = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert (result["state"], result["has_file"]) == ("failed", False)
    assert "search has ended" in result["failure"]


async def test_names_of_tables_are_told(api: Api) -> None:
    assert set(TABLES) == set(NAMES)
    refused = await api.post(PATH, table="passwords")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "table")


async def parquet_of(api: Api, db: Db, **params: Any) -> tuple[dict[str, Any], Any]:
    """Return an export as Parquet that ended, and its file as a table."""
    uid = (await api.ok(await api.post(PATH, format="parquet", **params)))["export_uid"]
    await work_all(api, db)
    result: dict[str, Any] = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert result["state"] == "completed", result
    link = await api.ok(await api.post(f"{PATH}/{uid}/link"))
    answer = await api.client.get("/exports/" + link["url"].rpartition("/")[2])
    assert hashlib.sha256(answer.content).hexdigest() == result["sha256"]
    return result, pyarrow.parquet.read_table(io.BytesIO(answer.content))


async def test_each_table_is_exported_as_parquet_with_types(api: Api, db: Db) -> None:
    fan = {
        "email": "arrow@example.com",
        "first_name": '=A "quoted",\nname',
        "latitude": 12.5,
        "birth_date": "1990-01-15",
    }
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", **fan)))["fan_id"]
    for name in TABLES:
        result, table = await parquet_of(api, db, table=name)
        assert table.column_names == list(TABLES[name].columns)
        assert (table.num_rows, result["file_name"]) == (result["row_count"], f"{name}.parquet")
    _, table = await parquet_of(api, db, table="fans")
    row = next(each for each in table.to_pylist() if each["fan_id"] == fan_id)
    assert (row["first_name"], row["latitude"], row["last_name"]) == (fan["first_name"], 12.5, None)
    assert row["birth_date"] == date(1990, 1, 15)
    assert datetime.now(UTC) - row["creation_timestamp"] < timedelta(hours=1)
    assert str(table.schema.field("creation_timestamp").type) == "timestamp[us, tz=UTC]"


async def test_a_parquet_file_has_an_end_by_the_clock(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("sh", "-c", "exec sleep 600", *parquet.COMMAND)
    monkeypatch.setattr(parquet, "COMMAND", command)
    monkeypatch.setattr(parquet, "MAX_SECONDS", 0.3)
    uid = (await api.ok(await api.post(PATH, format="parquet", table="products")))["export_uid"]
    for _ in range(MAX_FAILURES):
        with pytest.raises(parquet.WriterError):
            await work_all(api, db)
    result = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert (result["state"], result["has_file"], result["failure"]) == ("failed", False, "fails (WriterError)")


async def test_rows_of_fans_are_together(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BATCH", 2)
    for number in range(5):
        fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email=f"tag{number}@example.com")))["fan_id"]
        for tag in range(number % 3):
            await api.post("/api/v1/manage/tags", tag_name=f"label {tag}")
            await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name=f"label {tag}", fan_ids=[fan_id]))
    result, content = await exported(api, db, table="tag_members", format="ndjson")
    rows = [json.loads(line) for line in content.splitlines()]
    assert (
        result["row_count"]
        == len(rows)
        == await db.value("select count(*) from fan_tags where account_id = $1", api.account_id)
    )
    assert [row["fan_id"] for row in rows] == sorted(row["fan_id"] for row in rows)
