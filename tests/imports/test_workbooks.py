"""Imports of Excel workbooks: sheets, typed cells, and files that are none or unpack to too much."""

import io
import zipfile
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]

from fanfare.imports.actions import converting
from fanfare.imports.actions.files import source_uid
from fanfare.imports.readers import workbook as reader
from fanfare.kernel.data import pool, programs
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.imports.files import PATH, run, state_of, upload, work_all

FANS: list[list[Any]] = [
    ["E-Mail", "First Name", "Phone", "birth_date", "latitude", "Newsletter"],
    ["x1@example.com", "Zoë", 16045550142, date(1990, 4, 3), 12.5, True],
    [],
    ["x2@example.com", "=1+1", "+1 604 555 0143", datetime(1991, 1, 31, tzinfo=UTC).replace(tzinfo=None), 7, None],
    ["wrong", "W", None, None, None, None],
]


def workbook_of(**sheets: list[list[Any]]) -> bytes:
    """Return a workbook with these sheets, behind an empty one."""
    book = Workbook()
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()


async def uploaded(api: Api, db: Db, content: bytes, kind: str = "fans") -> dict[str, Any]:
    """Return an import of a workbook that a worker has read."""
    uid = await upload(api, content, kind, "xlsx")
    assert (await state_of(api, uid))["state"] == "converting"
    await work_all(api, db)
    return await state_of(api, uid)


async def test_a_sheet_is_imported_with_the_types_of_its_cells(api: Api, db: Db) -> None:
    result = await uploaded(api, db, workbook_of(Fans=FANS))
    assert (result["state"], result["sheets"], result["sheet"]) == ("ready", ["Sheet", "Fans"], "Fans"), result
    assert (result["date_order"], result["mapping"]["E-Mail"]) == ("ymd", "email")
    done = await run(api, db, result["import_uid"])
    assert (done["state"], done["created_count"], done["error_count"]) == ("completed", 2, 1), done
    sql = """
        select phone, birth_date::text as day, latitude, first_name from fans
        where account_id = $1 and email like 'x_@example.com' order by email
    """
    rows = await db.rows(sql, api.account_id)
    assert [tuple(row.values()) for row in rows] == [
        ("+16045550142", "1990-04-03", 12.5, "Zoë"), ("+16045550143", "1991-01-31", 7.0, None),
    ]  # fmt: skip
    # Rows have the numbers that they have in the sheet.
    errors = (await api.get(f"{PATH}/{result['import_uid']}/errors")).text.splitlines()
    assert errors[1].startswith("wrong,W,,,,,5,email")


async def test_another_sheet_is_chosen(api: Api, db: Db) -> None:
    tags = [["Contact", "date"], ["s1@example.com", "03/04/2024"]]
    result = await uploaded(api, db, workbook_of(Fans=FANS, Others=tags))
    path = f"{PATH}/{result['import_uid']}"
    refused = await api.post(path, sheet="Missing")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "sheet")
    # What is said of the columns of one sheet is not for another, which is yet to be read.
    refused = await api.post(path, sheet="Others", mapping={"E-Mail": "email"}, date_order="dmy")
    assert [each["field"] for each in refused.json()["errors"]] == ["date_order", "mapping"]
    assert (await api.ok(await api.post(path, sheet="Others")))["state"] == "converting"
    await work_all(api, db)
    chosen = await state_of(api, result["import_uid"])
    assert (chosen["state"], chosen["columns"]) == ("ready", ["Contact", "date"])
    # A text that could be two days is asked for, as in every file.
    assert chosen["date_order"] is None
    await api.ok(await api.post(path, mapping={"Contact": "email", "date": "birth_date"}, date_order="dmy"))
    assert (await run(api, db, result["import_uid"]))["created_count"] == 1


HOSTILE = {
    "no archive": (b"email\nx@example.com\n", "is not an Excel workbook"),
    "nothing": (b"", "is not an Excel workbook"),
    "no rows": (workbook_of(), "has no rows"),
}


def archive_of(size: int, content: bytes = b"0") -> bytes:
    """Return an archive with a sheet that is long when it is unpacked."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", content * size)
    return output.getvalue()


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_workbook_fails_its_import(api: Api, db: Db, name: str) -> None:
    content, words = HOSTILE[name]
    result = await uploaded(api, db, content)
    assert (result["state"], words in (result["failure"] or "")) == ("failed", True), result


async def test_an_archive_without_sheets_fails_its_import(api: Api, db: Db) -> None:
    result = await uploaded(api, db, archive_of(10_000_000))
    assert (result["state"], "is not an Excel workbook" in result["failure"]) == ("failed", True), result


def test_what_unpacks_to_too_much_is_not_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_UNPACKED_BYTES", 1_000_000)
    bomb = tmp_path / "bomb.xlsx"
    bomb.write_bytes(archive_of(2_000_000))
    with pytest.raises(reader.NotReadable, match="when it is unpacked"):
        reader.check_parts(bomb)


async def test_the_workbook_is_deleted_with_the_import(api: Api, db: Db) -> None:
    result = await uploaded(api, db, workbook_of(Fans=FANS))
    parts = "select count(distinct file_uid) from file_parts where account_id = $1"
    before = await db.value(parts, api.account_id)
    await api.ok(await api.delete(f"{PATH}/{result['import_uid']}"))
    assert await db.value(parts, api.account_id) == before - 2


async def test_a_workbook_ends_with_the_erasure_of_a_fan(api: Api, db: Db) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="away@example.com")))["fan_id"]
    uid = await upload(api, workbook_of(Fans=FANS), file_format="xlsx")
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    await work_all(api, db)
    result = await state_of(api, uid)
    assert (result["state"], result["has_file"]) == ("failed", False)
    parts = "select count(*) from file_parts where account_id = $1 and file_uid = any($2::uuid[])"
    assert await db.value(parts, api.account_id, [uid, source_uid(UUID(uid))]) == 0
    # So it does when a worker had it meanwhile.
    uid = await upload(api, workbook_of(Fans=FANS), file_format="xlsx")
    await db.execute(
        "update imports set uploaded_at = uploaded_at - interval '1 hour' where account_id = $1 and import_uid = $2",
        api.account_id,
        uid,
    )
    await work_all(api, db)
    result = await state_of(api, uid)
    assert (result["state"], result["has_file"]) == ("failed", False)


def slow(seconds: str) -> tuple[str, ...]:
    """Return the command of the program, which begins after some seconds."""
    return ("sh", "-c", f'sleep {seconds}; exec "$0" "$@"', *converting.COMMAND)


async def test_a_workbook_is_read_for_longer_than_a_transaction_may_be_idle(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = await upload(api, workbook_of(Fans=FANS), file_format="xlsx")
    monkeypatch.setattr(converting, "COMMAND", slow("2.5"))
    monkeypatch.setattr(programs, "PULSE_SECONDS", 0.2)
    monkeypatch.setattr(pool, "IDLE_SECONDS", 1)
    db = await Db.connect(settings.database_url)
    try:
        await work_all(api, db)
    finally:
        await db.close()
    assert (await state_of(api, uid))["state"] == "ready"


async def test_a_workbook_has_an_end_by_the_clock(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converting, "COMMAND", ("sh", "-c", "exec sleep 600"))
    monkeypatch.setattr(converting, "MAX_SECONDS", 0.3)
    result = await uploaded(api, db, workbook_of(Fans=FANS))
    assert (result["state"], "too much memory or time" in result["failure"]) == ("failed", True), result


LONG = [["email", "first_name"], *([f"long{number}@example.com", "x" * 3000] for number in range(100))]


@pytest.mark.parametrize(
    ("name", "limit", "words"),
    [("MAX_FILE_BYTES", 100_000, "more text in its cells"), ("MAX_ACCOUNT_BYTES", 1, "no room among the files")],
)
async def test_a_workbook_with_more_text_than_there_is_room_for_fails(
    api: Api, db: Db, monkeypatch: pytest.MonkeyPatch, name: str, limit: int, words: str
) -> None:
    monkeypatch.setattr(converting, name, limit)
    result = await uploaded(api, db, workbook_of(Fans=LONG))
    assert (result["state"], words in (result["failure"] or "")) == ("failed", True), result
    rows = "select count(*) from file_parts where account_id = $1 and file_uid = $2"
    assert await db.value(rows, api.account_id, result["import_uid"]) == 0


async def test_numbers_of_a_workbook_are_no_thousands(api: Api, db: Db) -> None:
    rows: list[list[Any]] = [["email", "latitude"], ["typed@example.com", 12.125], ["text@example.com", "12,5"]]
    result = await uploaded(api, db, workbook_of(Fans=rows))
    await api.ok(await api.post(f"{PATH}/{result['import_uid']}", decimal_separator=","))
    assert (await run(api, db, result["import_uid"]))["created_count"] == 2
    sql = "select latitude from fans where account_id = $1 and email in ($2, $3) order by email"
    places = await db.rows(sql, api.account_id, "text@example.com", "typed@example.com")
    assert [row["latitude"] for row in places] == [12.5, 12.125]
