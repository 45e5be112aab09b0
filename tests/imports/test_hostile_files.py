"""Imports of files that are written wrongly, by accident or on purpose: rows are told apart, and work has an end."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]

from fanfare.imports.actions import unpacking
from fanfare.imports.readers import workbook as reader
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.imports.files import PATH, imported, run, state_of, upload, work_all

# What a file is, and who is created from it by email and first name.
READABLE: dict[str, tuple[bytes, dict[str, str | None]]] = {
    "lines end with carriage returns": (
        b"email,first_name\ra@cr.example,Ada\rb@cr.example,Bea\r",
        {"a@cr.example": "Ada", "b@cr.example": "Bea"},
    ),
    "two byte order marks": (
        b"\xef\xbb\xbf\xef\xbb\xbfemail,first_name\na@bom.example,Ada\n",
        {"a@bom.example": "Ada"},
    ),
    "columns that are called like a repeated one": (
        b"first_name (3),first_name,first_name,email\nx,Ada,y,a@names.example\n",
        {"a@names.example": "Ada"},
    ),
    "blank lines of more than a piece": (
        b"email,first_name\na@blank.example,Ada\n" + b"\n" * 2_200_000 + b"b@blank.example,Bea\n",
        {"a@blank.example": "Ada", "b@blank.example": "Bea"},
    ),
    "the only character that is not ASCII is the last": (
        "email,first_name\na@last.example,André".encode("windows-1252"),
        {"a@last.example": "André"},
    ),
}


@pytest.mark.parametrize("name", READABLE)
async def test_a_file_is_read_however_it_is_written(api: Api, db: Db, name: str) -> None:
    content, fans = READABLE[name]
    result = await imported(api, db, content)
    assert (result["state"], result["row_count"], result["error_count"]) == ("completed", len(fans), 0), result
    assert len(set(result["columns"])) == len(result["columns"])
    sql = "select email, first_name from fans where account_id = $1 and email = any($2::text[])"
    rows = await db.rows(sql, api.account_id, list(fans))
    assert {row["email"]: row["first_name"] for row in rows} == fans


async def test_blank_lines_of_json_are_passed_over(api: Api, db: Db) -> None:
    content = b'{"email": "a@lines.example"}\n' + b"\n" * 2_200_000 + b'{"email": "b@lines.example"}\n'
    result = await imported(api, db, content, file_format="ndjson")
    assert (result["state"], result["row_count"], result["created_count"]) == ("completed", 2, 2), result


# Rows with a quotation mark that is missing or in the wrong place, and who is created beside them.
WRONG_QUOTES: dict[str, tuple[bytes, int, int]] = {
    "open until the end": (b'email,first_name\na@open.example,"Ada\nb@open.example,Bea\nc@open.example,Cea\n', 2, 1),
    "closed in the next row": (
        b'email,first_name\na@next.example,"Ada\nb@next.example,"Bea"\nc@next.example,Cea\n',
        2,
        1,
    ),
    "text behind it": (b'email,first_name\na@behind.example,"Ada" x\nb@behind.example,Be"a\n', 1, 1),
}


@pytest.mark.parametrize("name", WRONG_QUOTES)
async def test_a_quotation_mark_in_the_wrong_place_makes_no_name_of_other_rows(api: Api, db: Db, name: str) -> None:
    content, created, wrong = WRONG_QUOTES[name]
    result = await imported(api, db, content)
    assert (result["created_count"], result["error_count"]) == (created, wrong), result
    text = (await api.get(f"{PATH}/{result['import_uid']}/errors")).text
    (row,) = text.splitlines()[1:]
    assert row.startswith(content.splitlines()[1].split(b",")[0].decode())
    assert "quotation mark is missing or in the wrong place" in row
    sql = "select count(*) from fans where account_id = $1 and first_name like $2"
    assert await db.value(sql, api.account_id, "%\n%") == 0


async def test_a_row_that_is_too_long_is_named(api: Api, db: Db) -> None:
    result = await imported(api, db, b"email,first_name\n" + b"x" * 3_000_000 + b"\na@long.example,Ada\n")
    assert (result["state"], result["failure"][:17]) == ("failed", "row 2 is longer t"), result


async def test_a_preview_shows_what_cannot_be_stored(api: Api, db: Db) -> None:
    lines = (
        rb'{"email": "a@half.example", "first_name": "\ud800x"}',
        rb'{"email": "b@half.example", "first_name": "a\u0000b"}',
        rb'{"email": "c@half.example", "\udfffname": "c"}',
    )
    content = b"\n".join(lines)
    uid = await upload(api, content, file_format="ndjson")
    page = await api.ok(await api.get(f"{PATH}/{uid}/preview"))
    assert [row["cells"].get("first_name") for row in page["rows"]] == ["\ufffdx", "a\0b", None]
    assert [len(row["errors"]) for row in page["rows"]] == [1, 1, 1]
    assert (await run(api, db, uid))["error_count"] == 3
    # The file of errors can be sent again, whatever was wrong with the rows.
    errors = (await api.get(f"{PATH}/{uid}/errors")).content
    again = await imported(api, db, errors)
    assert (again["state"], again["row_count"]) == ("completed", 3), again


async def test_a_file_of_many_small_parts_is_refused(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_MEMBERS", 100)
    parts = [gzip.compress(b"email\n"), *(gzip.compress(b"") for _ in range(98))]
    for count, state, words in ((1, "ready", ""), (2, "failed", "compressed one by one")):
        uid = await upload(api, b"".join(parts) + gzip.compress(b"a@parts.example\n") * count)
        await work_all(api, db)
        result = await state_of(api, uid)
        assert (result["state"], words in (result["failure"] or "")) == (state, True)


SHEET = "xl/worksheets/sheet1.xml"
LAST_ROW = b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>z@sheet.example</t></is></c></row>'
FAR_ROW = LAST_ROW.replace(b"1048576", b"2000000000")


def workbook_with(old: bytes, new: bytes) -> bytes:
    """Return a workbook of two rows, of whose sheet a part is replaced."""
    book, plain, result = Workbook(), io.BytesIO(), io.BytesIO()
    book.active.append(["email", "first_name"])
    book.active.append(["a@sheet.example", "Ada"])
    book.save(plain)
    with zipfile.ZipFile(plain) as archive, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as output:
        for name in archive.namelist():
            content = archive.read(name)
            assert name != SHEET or old in content
            output.writestr(name, content.replace(old, new, 1) if name == SHEET else content)
    return result.getvalue()


async def converted(api: Api, db: Db, content: bytes) -> dict[str, Any]:
    uid = await upload(api, content, file_format="xlsx")
    await work_all(api, db)
    return await state_of(api, uid)


def test_rows_are_as_wide_as_their_cells_whatever_a_sheet_says_of_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: list[object] = []
    text_of = reader.text_of

    def count(value: object) -> str:
        values.append(value)
        return text_of(value)

    monkeypatch.setattr(reader, "text_of", count)
    book, rows = tmp_path / "wide.xlsx", tmp_path / "rows.csv"
    book.write_bytes(workbook_with(b'ref="A1:B2"', b'ref="A1:XFD1048576"'))
    assert reader.write(book, rows, "").name == "Sheet"
    assert len(values) == 4
    assert rows.read_text() == "email,first_name\na@sheet.example,Ada\n"


WRONG_SHEETS = {
    "a row that no sheet has": (workbook_with(b"</sheetData>", FAR_ROW + b"</sheetData>"), "more than 1,048,576 rows"),
    "a cell that is no number": (
        workbook_with(b"</sheetData>", b'<row r="3"><c r="A3"><v>x</v></c></row></sheetData>'),
        "x",
    ),
    "a password": (reader.OLD_FORM + bytes(2000), "has a password"),
}


@pytest.mark.parametrize("name", WRONG_SHEETS)
async def test_a_hostile_workbook_fails_its_import(api: Api, db: Db, name: str) -> None:
    content, words = WRONG_SHEETS[name]
    result = await converted(api, db, content)
    assert (result["state"], words in result["failure"]) == ("failed", True), result
