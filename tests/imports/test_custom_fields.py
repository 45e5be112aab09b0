"""Custom fields of imports: written for a batch of fans at once, with the result of one fan after the other."""

from collections.abc import Sequence
from typing import Any

import pytest

from fanfare.fans.actions.importing import FanLine, FanOutcome, ImportContext, import_fans
from fanfare.fans.schemas.fans import FanChanges
from fanfare.imports.actions.kinds import people
from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.imports.files import PATH, imported, inspected, state_of, work_all
from tests.statements import noted_statements

HEAD = "email,first_name,field_seat,field_row,field_kind\n"
LINES = (
    "old@example.com,Olga,B2,7,away\n"
    "new@example.com,Nora,C3,8,home\n"
    "NEW@example.com,,D4,,\n"
    "empty@example.com,,,,\n"
    "wrong@example.com,,E5,nine,south\n"
    "late@example.com,Lia,,9,HOME\n"
)
FIELDS: dict[str, dict[str, Any]] = {
    "seat": {"field_type": "text"},
    "row": {"field_type": "number"},
    "kind": {"field_type": "choice", "field_options": ["Home", "Away"]},
}
ROWS = """
    select f.email, f.first_name, v.crm_field_key, v.field_value from fans f
    left join fan_fields v on v.account_id = $1 and v.fan_id = f.fan_id
    where f.account_id = $1 order by f.email, v.crm_field_key
"""
CHANGES = """
    select f.email, c.topic, c.data ->> 'fields' as fields from changes c
    join fans f on f.account_id = $1 and f.fan_id = c.fan_id
    where c.account_id = $1 and c.topic like 'fan.%' order by f.email, c.topic, fields
"""


async def prepare(api: Api) -> None:
    for key, values in FIELDS.items():
        await api.ok(await api.post("/api/v1/manage/fields", crm_field_key=key, **values))
    await api.ok(await api.post("/api/v1/crm/fans", email="old@example.com", field_seat="A1"))


async def result_of(base_url: str, db: Db, content: str) -> tuple[list[Any], list[Any], dict[str, Any], list[str]]:
    """What an import into a new account leaves: fans with their fields, changes, its counts, its file of errors."""
    async with new_api(base_url, db) as api:
        await prepare(api)
        done = await imported(api, db, content.encode())
        counts = {name: value for name, value in done.items() if name.endswith("_count")}
        errors = (await api.get(f"{PATH}/{done['import_uid']}/errors")).content.decode("utf-8-sig").splitlines()
        rows, changes = [[tuple(row) for row in await db.rows(sql, api.account_id)] for sql in (ROWS, CHANGES)]
        return rows, changes, counts, errors


async def test_a_batch_leaves_what_one_row_after_the_other_does(
    base_url: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await result_of(base_url, db, HEAD + LINES)
    together = import_fans

    async def alone(tx: Db, lines: Sequence[FanLine], context: ImportContext) -> list[FanOutcome]:
        changes = [FanChanges(fan_id=0, fields=dict(line.fields)) if line.fields else None for line in lines]
        pairs = zip(lines, changes, strict=True)
        return await together(tx, [FanLine(line.profile, rest) for line, rest in pairs], context)

    monkeypatch.setattr(people, "import_fans", alone)
    assert await result_of(base_url, db, HEAD + LINES) == batch
    rows, _, counts, errors = batch
    expected = {"row_count": 6, "created_count": 3, "matched_count": 2, "error_count": 1}
    assert {name: counts[name] for name in expected} == expected
    assert rows == [
        ("empty@example.com", None, None, None),
        ("late@example.com", "Lia", "kind", "Home"),
        ("late@example.com", "Lia", "row", 9),
        ("new@example.com", "Nora", "kind", "Home"),
        ("new@example.com", "Nora", "row", 8),
        ("new@example.com", "Nora", "seat", "C3"),
        ("old@example.com", "Olga", "kind", "Away"),
        ("old@example.com", "Olga", "row", 7),
        ("old@example.com", "Olga", "seat", "A1"),
    ]
    assert "field_kind: " in errors[1]
    assert "field_row: " in errors[1]


async def test_the_first_value_counts_beside_rows_that_are_written_alone(api: Api, db: Db) -> None:
    await prepare(api)
    lines = "two@example.com,Number two,A1\ntwo@example.com,,B2\n"
    await imported(api, db, f"email,display_name,field_seat\n{lines}".encode())
    sql = (
        "select field_value from fan_fields v join fans f using (account_id, fan_id)"
        " where account_id = $1 and email = $2"
    )
    assert await db.value(sql, api.account_id, "two@example.com") == "A1"


async def test_rows_with_custom_fields_are_undone(api: Api, db: Db) -> None:
    await prepare(api)
    done = await imported(api, db, (HEAD + LINES).encode())
    again = await imported(api, db, (HEAD + LINES.replace("Olga", "")).encode())
    assert (again["created_count"], again["matched_count"]) == (0, 5)
    # The second one names them too, until it is undone.
    for each, count in ((again, 0), (done, 3)):
        await api.ok(await api.post(f"{PATH}/{each['import_uid']}/undo"))
        await work_all(api, db)
        undone = await state_of(api, each["import_uid"])
        assert (undone["state"], undone["undone_count"], undone["kept_count"]) == ("undone", count, 0)


async def test_many_rows_take_as_many_statements_as_one(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepare(api)
    statements = noted_statements(monkeypatch)

    async def count(size: int) -> int:
        lines = "".join(f"fan{size}-{number}@example.com,Fan,{number},{number},home\n" for number in range(size))
        result = await inspected(api, db, (HEAD + lines).encode())
        await api.ok(await api.post(f"{PATH}/{result['import_uid']}/run"))
        statements.clear()
        await work_all(api, db)
        return len(statements)

    assert await count(200) == await count(1)
