"""Files of imports: dialects, uploads that continue, hostile ones, and their end."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from fanfare.imports.actions import running, storing, upkeep
from fanfare.imports.actions.reading import Ahead
from fanfare.imports.queries.imports import current_import
from fanfare.imports.readers.rows import UnreadableFileError
from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.imports.files import PATH, imported, inspected, run, state_of, upload, work_all
from tests.waits import until

SEMICOLONS = "E-Mail;Vorname;Nachname;Geburtsdatum;latitude\r\n" + "".join(
    f"m{number}@example.com;Zoë;Müller, Jr.;{number}.01.1990;{number},5\r\n" for number in range(10, 16)
)
DIALECTS: dict[str, tuple[bytes, dict[str, str]]] = {
    "utf-8": (SEMICOLONS.encode(), {"encoding": "utf-8"}),
    "byte order mark": (b"\xef\xbb\xbf" + SEMICOLONS.encode(), {"encoding": "utf-8"}),
    "windows-1252": (SEMICOLONS.encode("cp1252"), {"encoding": "windows-1252"}),
    "tabs": (SEMICOLONS.replace(";", "\t").encode(), {"delimiter": "\t"}),
    "quoted": (SEMICOLONS.replace("Müller, Jr.", '"Müller\n, Jr."').encode(), {"delimiter": ";"}),
}


@pytest.mark.parametrize("name", DIALECTS)
async def test_the_dialect_is_found(api: Api, db: Db, name: str) -> None:
    content, expected = DIALECTS[name]
    result = await inspected(api, db, content)
    dialect = {"encoding": "utf-8", "delimiter": ";", "date_order": "dmy", "decimal_separator": ",", **expected}
    assert {name: result[name] for name in dialect} == dialect
    done = await run(api, db, result["import_uid"])
    assert (done["row_count"], done["error_count"]) == (6, 0), done
    row = await db.row(
        "select last_name, first_name, birth_date::text, latitude from fans where account_id = $1 and email = $2",
        api.account_id,
        "m15@example.com",
    )
    assert row is not None
    assert (row["first_name"], row["birth_date"], row["latitude"]) == ("Zoë", "1990-01-15", 15.5)
    assert row["last_name"].replace("\n", "") == "Müller, Jr."


async def test_dates_that_cannot_be_told_are_asked_for(api: Api, db: Db) -> None:
    result = await inspected(api, db, b"email,birth_date\nd@example.com,03/04/1990\n")
    assert result["date_order"] is None
    path = f"{PATH}/{result['import_uid']}"
    refused = await api.post(f"{path}/run")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "date_order")
    await api.ok(await api.post(path, date_order="mdy"))
    await run(api, db, result["import_uid"])
    day = "select birth_date::text from fans where account_id = $1 and email = 'd@example.com'"
    assert await db.value(day, api.account_id) == "1990-03-04"


async def test_lines_of_json_are_imported(api: Api, db: Db) -> None:
    await api.ok(await api.post("/api/v1/manage/fields", crm_field_key="seat", field_type="text"))
    content = b'{"email":"j1@example.com","field_seat":"A1"}\n{"email":"j2@example.com"}\n[1]\nnot json\n'
    done = await imported(api, db, content, file_format="ndjson")
    assert (done["created_count"], done["error_count"]) == (2, 2)
    sql = "select field_value from fan_fields where account_id = $1 and crm_field_key = 'seat'"
    assert await db.value(sql, api.account_id) == "A1"


async def test_the_mapping_of_a_file_with_the_same_columns_is_kept(api: Api, db: Db) -> None:
    content = b"Contact,Nick\nk1@example.com,Kay\n"
    assert (await inspected(api, db, content))["mapping"] == {"Contact": None, "Nick": None}
    await imported(api, db, content, mapping={"Contact": "email", "Nick": "first_name"})
    assert (await inspected(api, db, content))["mapping"] == {"Contact": "email", "Nick": "first_name"}


async def test_an_upload_continues_where_it_ended(api: Api, db: Db) -> None:
    content = b"email,first_name\n" + b"".join(b"p%d@example.com,%s\n" % (number, b"x" * 200) for number in range(3000))
    middle = 300_001
    uid = await upload(api, content[:middle], is_last="false")
    assert (await state_of(api, uid))["file_bytes"] == middle

    async def send(offset: int) -> Any:
        return await api.client.post(
            f"{PATH}/{uid}/file", content=content[offset:], headers=api.keys, params={"offset": offset}
        )

    refused = await send(0)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_offset")
    assert (await send(middle)).json() == {"import_uid": uid, "state": "ready", "file_bytes": len(content)}
    assert (await send(0)).status_code == 409
    done = await run(api, db, uid)
    assert (done["row_count"], done["created_count"]) == (3000, 3000)


async def test_files_of_an_account_have_a_limit_together(
    base_url: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "MAX_ACCOUNT_BYTES", 1000)
    async with new_api(base_url, db) as api:
        first = await upload(api, b"email\n" + b"x" * 600, is_last="false")
        uid = (await api.ok(await api.post(PATH, kind="fans")))["import_uid"]

        async def send() -> Any:
            content = b"email\n" + b"y" * 600
            return await api.client.post(f"{PATH}/{uid}/file", content=content, headers=api.keys)

        refused = await send()
        assert (refused.status_code, refused.json()["code"]) == (409, "no_room")
        await api.ok(await api.delete(f"{PATH}/{first}"))
        assert (await send()).json()["file_bytes"] == 606


async def test_refused_rows_can_be_mended_and_sent_again(api: Api, db: Db) -> None:
    rows = [
        f"r{number}@example.com,+1604555{number:04}" if number % 3 else f"wrong {number},=1+1" for number in range(90)
    ]
    done = await imported(api, db, "\n".join(["email,phone", *rows]).encode())
    assert (done["created_count"], done["error_count"]) == (60, 30)
    answer = await api.get(f"{PATH}/{done['import_uid']}/errors")
    table = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["import row"] for row in table] == [str(number + 2) for number in range(0, 90, 3)]
    assert {row["phone"] for row in table} == {"'=1+1"}
    mended = answer.content.decode().replace("wrong ", "mended").replace(",'=1+1", "@example.com,")
    mended = "\n".join(
        line.replace(",", "@example.com,", 1) if line.startswith("mended") else line for line in mended.splitlines()
    )
    again = await imported(api, db, mended.replace("@example.com@example.com", "@example.com").encode())
    assert (again["created_count"], again["error_count"]) == (30, 0), again


async def test_a_file_of_errors_is_read_as_its_import_was(api: Api, db: Db) -> None:
    head = "Mail;=Agreed;Since;Other\n"
    rows = "a@resent.example;yes;21.01.2025;x\nwrong;yes;03.04.2025;x\nwrong too;no;04.05.2025;x\n"
    changes: dict[str, Any] = {
        "mapping": {"Mail": "email", "=Agreed": "is_subscribed", "Since": "consent_timestamp"},
        "values": {"consent_wording": "Mail me"},
    }
    done = await imported(api, db, (head + rows).encode(), **changes)
    assert (done["created_count"], done["error_count"]) == (1, 2), done
    errors = (await api.get(f"{PATH}/{done['import_uid']}/errors")).content
    # Of these dates none says which of its numbers is the day.
    again = await inspected(api, db, errors.replace(b"wrong;", b"b@resent.example;"))
    expected = {**changes["mapping"], "Other": None, "import row": None, "import error": None}
    assert (again["mapping"], again["values"], again["date_order"]) == (expected, changes["values"], "dmy")
    result = await run(api, db, again["import_uid"])
    assert (result["created_count"], result["error_count"]) == (1, 1), result
    sql = """
        select c.wording, c.given_at::date::text as day from consents c join fans f using (account_id, fan_id)
        where c.account_id = $1 and f.email = 'b@resent.example'
    """
    assert [tuple(row.values()) for row in await db.rows(sql, api.account_id)] == [("Mail me", "2025-04-03")]
    # What is still wrong is in a file with the same columns.
    rest = (await api.get(f"{PATH}/{again['import_uid']}/errors")).content
    assert rest.splitlines()[0] == errors.splitlines()[0]
    # A file of its own has its own values.
    fresh = await inspected(api, db, (head + rows).encode())
    assert (fresh["mapping"], fresh["values"]) == ({**changes["mapping"], "Other": None}, {})


async def test_no_cell_of_an_error_file_is_a_formula(api: Api, db: Db) -> None:
    done = await imported(api, db, b"email,=1+1\nwrong,@SUM(A1)\nf1@example.com,x\n")
    answer = await api.get(f"{PATH}/{done['import_uid']}/errors")
    cells = [cell for row in csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))) for cell in row]
    assert "'=1+1" in cells
    assert "'@SUM(A1)" in cells
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "blank": (b"\n\n \n", "empty"),
    "zeros": (b"email\n\0\0\0", "binary data"),
    "utf-16": ("email\nx@example.com".encode("utf-16"), "UTF-16"),
    "an archive": (b"PK\x03\x04" + b"x" * 100, "workbook"),
    "a million columns": (b"," * 1_000_000 + b"\n", "columns"),
    "a header without an end": (b"x" * 3_000_000, "first row"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_fails_its_import_alone(api: Api, db: Db, name: str) -> None:
    content, words = HOSTILE[name]
    result = await inspected(api, db, content)
    assert (result["state"], words in (result["failure"] or "")) == ("failed", True), result
    assert (await api.post(f"{PATH}/{result['import_uid']}/run")).status_code in (409, 422)


async def test_hostile_rows_are_refused_alone(api: Api, db: Db) -> None:
    head = b"email,first_name\n"
    lines = [b"h1@example.com,ok\n", b"h2@example.com," + b"y" * 70_000 + b"\n", b"h3@example.com,a,b,c\n"]
    done = await imported(api, db, head + b"".join(lines) + b"h4@example.com,ok\n")
    assert (done["created_count"], done["error_count"]) == (2, 2), done
    # A quotation mark without its end takes the rest of the file, which is said.
    done = await imported(api, db, head + b'h5@example.com,"open\n' + b"h6@example.com,x\n" * 20_000)
    assert done["error_count"] >= 1
    result = await inspected(api, db, head + b"h7@example.com,ok\n" + b"z" * 5_000_000)
    assert result["state"] == "ready"
    done = await run(api, db, result["import_uid"])
    assert done["state"] == "failed"
    assert "longer than" in done["failure"]


async def test_files_end_with_the_erasure_of_a_fan(api: Api, db: Db) -> None:
    content = b"email,first_name\ngone@example.com,Gwen\nstays@example.com,Sam\nwrong,Wendy\n"
    done = await imported(api, db, content)
    waiting = (await inspected(api, db, content))["import_uid"]
    gone = (await api.ok(await api.post("/api/v1/crm/fans", email="gone@example.com")))["fan_id"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{gone}/erase"))
    assert (await state_of(api, done["import_uid"]))["has_file"] is False
    assert (await api.get(f"{PATH}/{done['import_uid']}/errors")).status_code == 409
    # What was not yet run neither shows the person nor brings the person back.
    failed = await state_of(api, waiting)
    assert (failed["state"], failed["has_file"]) == ("failed", False)
    assert failed["failure"] == "a fan was erased: upload the file again"
    assert (await api.get(f"{PATH}/{waiting}/preview")).status_code == 409
    assert (await api.post(f"{PATH}/{waiting}/run")).status_code == 409
    parts = "select count(*) from file_parts where account_id = $1 and file_uid = any($2::uuid[])"
    assert await db.value(parts, api.account_id, [done["import_uid"], waiting]) == 0


async def test_old_files_are_deleted(api: Api, db: Db) -> None:
    uid = (await inspected(api, db, b"email\nold@example.com\n"))["import_uid"]
    await upkeep.forget_old_files(db, api.account_id, datetime.now(UTC) - timedelta(days=1), datetime.now(UTC))
    assert (await state_of(api, uid))["has_file"] is True
    await upkeep.forget_old_files(db, api.account_id, datetime.now(UTC) + timedelta(days=1), datetime.now(UTC))
    assert ((await state_of(api, uid))["has_file"], (await state_of(api, uid))["state"]) == (False, "failed")
    await api.ok(await api.delete(f"{PATH}/{uid}"))
    assert (await api.get(f"{PATH}/{uid}")).status_code == 404


async def test_thousands_have_a_point_where_decimals_have_a_comma(api: Api, db: Db) -> None:
    content = (
        "purchase_key;network;order_key;merchant_key;order_timestamp;gross_sale_amount;net_sale_amount;email\n"
        "t1;shop;o1;m;2024-01-01;12.500;12,5;t@example.com\n"
        "t2;shop;o2;m;2024-01-01;1.012.500;-1.250;t@example.com\n"
        "t3;shop;o3;m;2024-01-01;12,25;7,5;t@example.com\n"
    )
    result = await inspected(api, db, content.encode(), "purchases")
    assert result["decimal_separator"] == ","
    done = await run(api, db, result["import_uid"])
    assert done["created_count"] == 3, done
    sql = """
        select gross_sale_amount::float8 as gross, net_sale_amount::float8 as net from purchases
        where account_id = $1 and network = 'shop' order by purchase_key
    """
    rows = await db.rows(sql, api.account_id)
    assert [tuple(row.values()) for row in rows] == [(12500, 12.5), (1012500, -1250), (12.25, 7.5)]


async def test_an_erasure_waits_for_an_upload_that_is_inspected(api: Api, db: Db) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="inspected@example.com")))["fan_id"]
    uid = (await api.ok(await api.post(PATH, kind="fans")))["import_uid"]
    part = await api.client.post(
        f"{PATH}/{uid}/file?is_last=false", content=b"email\ninspected@example.com\n", headers=api.keys
    )
    assert part.status_code == 200, part.text
    waiting = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and query like '%imports%')"
    async with db.transaction() as tx:
        # What the end of an upload does while it inspects the file.
        await current_import(tx, api.account_id, UUID(uid))
        erasure = asyncio.create_task(api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
        await until(lambda: _is_true(db, waiting, erasure))
        await tx.execute(
            "update imports set import_state = 'ready', columns = '{email}', uploaded_at = $3"
            " where account_id = $1 and import_uid = $2",
            api.account_id,
            UUID(uid),
            datetime.now(UTC),
        )
    await api.ok(await erasure)
    result = await state_of(api, uid)
    assert (result["state"], result["has_file"]) == ("failed", False)
    assert (
        await db.value(
            "select count(*) from file_parts where account_id = $1 and file_uid = $2", api.account_id, UUID(uid)
        )
        == 0
    )


async def _is_true(db: Db, sql: str, erasure: "asyncio.Task[Any]") -> bool:
    assert not erasure.done() or erasure.result().status_code < 300, erasure.result()
    return bool(await db.value(sql)) or erasure.done()


# What an import works on when a fan is erased, and the state in which it ends.
ERASED_DURING = {"check": "failed", "too many errors": "failed", "a failure": "failed", "undo": "undone"}


@pytest.mark.parametrize("name", ERASED_DURING)
async def test_no_file_survives_an_erasure(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    content = b"email\nstays@example.com\nwrong\n"
    person = f"{name.replace(' ', '-')}@example.com"
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email=person)))["fan_id"]
    if name == "undo":
        uid = (await imported(api, db, content))["import_uid"]
        await api.ok(await api.post(f"{PATH}/{uid}/undo"))
    else:
        uid = await upload(api, content)
        await api.ok(await api.post(f"{PATH}/{uid}/run", dry_run=name == "check"))
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))

    async def fail(*_: object) -> None:
        message = "is broken"
        raise UnreadableFileError(message)

    if name == "too many errors":
        monkeypatch.setattr(running, "MAX_ERRORS", 0)
    if name == "a failure":
        monkeypatch.setattr(Ahead, "batch", fail)
    await work_all(api, db)
    result = await state_of(api, uid)
    assert (result["state"], result["has_file"]) == (ERASED_DURING[name], False), result
    parts = "select count(*) from file_parts where account_id = $1 and file_uid = $2"
    assert await db.value(parts, api.account_id, uid) == 0
