"""Pages of imports and exports: a file is uploaded, read, tried, run and undone; a table is written and fetched."""

import gzip
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in
from tests.exports.test_exports import work_all as write_exports
from tests.hosted.pages import relative, token_in
from tests.imports.files import work_all
from tests.imports.test_workbooks import workbook_of

CSV = b"E-mail,Vorname,Notes\nmaren.import@example.com,Maren,x\nidris.import@example.com,Idris,y\nno address,Nobody,z\n"


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


async def upload(client: httpx.AsyncClient, path: str, content: bytes, **options: Any) -> httpx.Response:
    """Send the form with a file, its token before the file."""
    token = token_in(await client.get(path))
    files: Any = {"form_token": (None, token), "file": ("members.csv", content, "text/csv")}
    return await client.post(f"{path}/file", files=files, **options)


async def new_import(client: httpx.AsyncClient, account_id: int, content: bytes = CSV) -> str:
    """Create an import with its file, and return the path of its page."""
    answer = await send(client, f"/manage/{account_id}/imports/new", kind="fans", name="Members of 2026", format="csv")
    path: str = answer.headers["location"]
    answer = await upload(client, path, content)
    assert answer.status_code == 303, answer.text
    return path


async def test_a_file_is_read_tried_run_and_undone(client: httpx.AsyncClient, db: Db, api: Api) -> None:
    path = await new_import(client, api.account_id)
    page = (await client.get(path)).text
    assert re.search(r"E-mail</label>.*?<option selected>email</option>", page, re.DOTALL)
    assert "maren.import@example.com" in page
    fields: Any = {"fields": ["email", "first_name", "-"], "date_order": "dmy", "decimal_separator": ","}
    await send(client, path, **fields, is_dry="true")
    await work_all(api, db)
    page = (await client.get(path)).text
    assert "This is what a run would do" in page
    assert not await db.value(
        "select count(*) from fans where account_id = $1 and first_name = 'Maren'", api.account_id
    )
    await send(client, path, f"{path}/run")
    await work_all(api, db)
    page = (await client.get(path)).text
    assert "complete" in page
    errors = await client.get(f"{path}/errors")
    assert "no address" in errors.text
    assert errors.headers["content-disposition"].startswith("attachment")
    await send(client, path, f"{path}/undo")
    await work_all(api, db)
    assert "Deleted again" in (await client.get(path)).text
    await send(client, path, f"{path}/delete")
    assert (await client.get(path)).status_code == 404


async def test_a_wrong_mapping_is_told(client: httpx.AsyncClient, api: Api) -> None:
    path = await new_import(client, api.account_id)
    answer = await send(client, path, fields=["email", "email", "-"])
    assert answer.status_code == 422
    assert "two columns are mapped to email" in answer.text


async def test_a_long_file_arrives_in_parts(client: httpx.AsyncClient, api: Api) -> None:
    rows = b"".join(b"fan%07d@example.com,Jo,%s\n" % (number, b"n" * 200) for number in range(20_000))
    path = await new_import(client, api.account_id, CSV + rows)
    (entry,) = [
        each
        for each in (await api.ok(await api.get("/api/v1/manage/imports")))["data"]
        if path.endswith(each["import_uid"])
    ]
    assert entry["file_bytes"] == len(CSV + rows)
    assert entry["state"] == "ready"


async def test_a_file_needs_the_token_before_it(client: httpx.AsyncClient, api: Api) -> None:
    answer = await send(client, f"/manage/{api.account_id}/imports/new", kind="fans")
    path = answer.headers["location"]
    token = token_in(await client.get(path))
    behind: Any = {"file": ("members.csv", CSV, "text/csv"), "form_token": (None, token)}
    assert (await client.post(f"{path}/file", files=behind)).status_code == 403
    assert (await client.post(f"{path}/file", data={"form_token": token})).status_code == 422
    short_form = b'--b\r\nContent-Disposition: form-data; name="form_token"\r\n\r\n' + token.encode()
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert (await client.post(f"{path}/file", content=short_form, headers=headers)).status_code == 400
    long = b'--b\r\nContent-Disposition: form-data; name="form_token"\r\n\r\n' + b"x" * 100_000 + b"\r\n--b--\r\n"
    assert (await client.post(f"{path}/file", content=long, headers=headers)).status_code == 413
    assert (await upload(client, path, CSV)).status_code == 303


async def test_cells_are_masked_without_the_right(base_url: str, db: Db, api: Api, client: httpx.AsyncClient) -> None:
    path = await new_import(client, api.account_id)
    async with signed_in(base_url, db, api.account_id, "editor") as editor:
        page = (await editor.get(path)).text
        assert "E-mail" in page
        assert "maren.import" not in page
        assert (await editor.get(f"{path}/errors")).status_code == 403


async def test_a_table_is_exported_and_fetched(client: httpx.AsyncClient, db: Db, api: Api, base_url: str) -> None:
    await api.ok(await api.post("/api/v1/crm/fans", email="exported@example.com"))
    path = f"/manage/{api.account_id}/exports"
    await send(client, f"{path}/new", table="fans", format="csv", name="All fans")
    assert "running" in (await client.get(path)).text
    await write_exports(api, db)
    page = (await client.get(path)).text
    match = re.search(rf"{path}/([0-9a-f-]{{36}})/download", page)
    assert match, page
    answer = await client.get(match[0])
    assert answer.status_code == 303
    async with httpx.AsyncClient(base_url=base_url, timeout=client.timeout) as stranger:
        file = await stranger.get(relative(answer.headers["location"]))
    assert b"exported@example.com" in gzip.decompress(file.content)
    link = await send(client, path, f"{path}/{match[1]}/link", minutes="60")
    assert 'id="export-link"' in link.text
    await send(client, path, f"{path}/{match[1]}/delete")
    assert match[1] not in (await client.get(path)).text
    actions = [each["action_name"] for each in (await api.ok(await api.get("/api/v1/manage/audit_entries")))["data"]]
    assert {"export_create", "export_link", "export_download", "export_delete"} <= set(actions)
    assert "export_new" not in actions


async def test_files_with_personal_data_need_the_right_to_see_it(
    base_url: str, db: Db, api: Api, client: httpx.AsyncClient
) -> None:
    root, uid = f"/manage/{api.account_id}", "0a1b2c3d-0000-4000-8000-000000000000"
    rights = {"transfers": ["read", "write", "export"]}
    path = await new_import(client, api.account_id)
    async with signed_in(base_url, db, api.account_id, "custom", custom_rights=rights) as masked:
        for page in (f"{root}/exports/new", f"{root}/exports/{uid}/download", f"{path}/errors"):
            assert (await masked.get(page)).status_code == 403, page
        for page in (f"{root}/exports/new", f"{root}/exports/{uid}/link"):
            answer = await send(masked, f"{root}/exports", page, table="fans", format="csv", name="All", minutes="60")
            assert answer.status_code == 403, page


async def test_files_that_come_are_in_the_audit_log(client: httpx.AsyncClient, api: Api) -> None:
    await new_import(client, api.account_id)
    page = f"/manage/{api.account_id}/ads/import"
    files: Any = {"form_token": (None, token_in(await client.get(page))), "network": (None, "meta")}
    files["file"] = ("ads.csv", b"Day,Amount spent (CAD)\n2026-06-01,12.50\n", "text/csv")
    assert (await client.post(f"{page}/file", files=files)).status_code in (200, 422)
    actions = [each["action_name"] for each in (await api.ok(await api.get("/api/v1/manage/audit_entries")))["data"]]
    assert {"import_upload", "ad_import_file"} <= set(actions)


async def test_a_workbook_is_shown_while_it_is_read_and_then_confirmed(
    client: httpx.AsyncClient, db: Db, api: Api
) -> None:
    answer = await send(client, f"/manage/{api.account_id}/imports/new", kind="fans", name="Book", format="xlsx")
    path: str = answer.headers["location"]
    content = workbook_of(Fans=[["E-mail"], ["sheet@example.com"]])
    assert (await upload(client, path, content)).status_code == 303
    assert "is being read" in (await client.get(path)).text
    assert "is being read" in (await client.get(f"/manage/{api.account_id}/imports")).text
    await work_all(api, db)
    assert "sheet@example.com" in (await client.get(path)).text
