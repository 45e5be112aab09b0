"""Named arguments become numbers when a module is loaded, and none can be missing, unknown or mistaken."""

import random
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from fanfare.kernel.data.db import Composed, Db, Heavy
from fanfare.kernel.data.sql import LITERALS, Arrays, Sql
from tests.seeds import run_seed


@pytest.mark.parametrize(
    ("text", "compiled"),
    [
        ("select $1, :b::text, :a, :b", "select $1, $2::text, $3, $2"),
        ("select $1::bigint where x = :a", "select $1::bigint where x = $2"),
        ("select $1, ':a', 'it''s :a', \":a\", e'\\':a'", "select $1, ':a', 'it''s :a', \":a\", e'\\':a'"),
        ("select $1 -- :a\n, :b /* :c */", "select $1 -- :a\n, $2 /* :c */"),
        ("select $1, f(x := :a), $$ :b $$, $q$ :c $q$", "select $1, f(x := $2), $$ :b $$, $q$ :c $q$"),
        ("select ($1::int[])[1:2], (:a::text[])[1:2]", "select ($1::int[])[1:2], ($2::text[])[1:2]"),
        ("select $1, '12:30:00', :a_1", "select $1, '12:30:00', $2"),
    ],
)
def test_names_become_numbers(text: str, compiled: str) -> None:
    assert Sql(text).text == compiled
    assert type(Sql(Heavy(text)).text) is Heavy


@pytest.mark.parametrize("text", ["select $1, $2, :a", "select :a"])
def test_the_account_is_the_only_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"stands among named arguments|the account is not the first argument"):
        Sql(text)


@pytest.mark.parametrize("named", [{}, {"a": 1}, {"a": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}])
async def test_missing_and_unknown_arguments_raise(db: Db, named: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="missing"):
        await db.value(Sql("select $1::bigint, :a::bigint, :b::bigint"), 1, **named)
    with pytest.raises(TypeError, match="no named"):
        await db.value("select 1", a=1)


@pytest.mark.parametrize("kind", [str, Heavy, Composed])
async def test_every_way_to_run_takes_names(db: Db, kind: type[str]) -> None:
    sql = Sql(kind("select $1::bigint as account_id, :b::text as b, :a::text as a"))
    for handle in (db, db.for_account(1)):
        assert [dict(row) for row in await handle.rows(sql, 1, a="x", b=None)] == [
            {"account_id": 1, "b": None, "a": "x"}
        ]
        assert dict(await handle.row(sql, 1, a="x", b="y") or {}) == {"account_id": 1, "b": "y", "a": "x"}
        assert await handle.value(sql, 1, a="x", b="y") == 1
        assert await handle.execute(sql, 1, a="x", b="y") == "SELECT 1"


async def test_a_statement_is_prepared_once(db: Db) -> None:
    sql = Sql("select $1::bigint + :more::bigint")
    prepared = "select count(*) from pg_prepared_statements where statement = $1"
    async with db.transaction() as tx:
        for extra in range(3):
            assert await tx.value(sql, 1, more=extra) == 1 + extra
        assert await tx.value(prepared, sql.text) == 1


async def test_rows_go_as_arrays(db: Db) -> None:
    seats = Arrays("seat", {"row": "text", "number": "integer"})
    sql = Sql(f"select s.row, s.number, s.place, $1::bigint from {seats.unnest('s', place='place')} order by place")
    rows: list[dict[str, object]] = [{"number": 2, "row": "A", "more": 1}, {"number": None, "row": "B"}]
    result = await db.rows(sql, 1, **seats.arguments(rows))
    assert [(row["row"], row["number"], row["place"]) for row in result] == [("A", 2, 1), ("B", None, 2)]
    assert await db.rows(sql, 1, **seats.arguments([])) == []
    with pytest.raises(KeyError):
        seats.arguments([{"row": "A"}])


VALUES: dict[str, list[object]] = {
    "bigint": [0, None, -(2**63), 2**63 - 1],
    "boolean": [True, None, False],
    "date": [date(1900, 1, 1), None, date(9999, 12, 31)],
    "numeric": [Decimal("84.50"), None, Decimal("-1E+5"), Decimal("0.0000001"), Decimal(10**40)],
    "smallint": [-32768, None, 32767],
    "text": ["", None, "null", "{}", '"', "\\", '\\"', "\\n", "a,b", " a ", "'", *map(chr, range(1, 300)), "😀"],
    "timestamptz": [
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), None,
        datetime(2026, 11, 27, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    ],
    "uuid": [UUID(int=0), None, UUID(int=2**128 - 1)],
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(LITERALS - {"integer"}))
async def test_values_arrive_as_they_were(db: Db, kind: str) -> None:
    values = VALUES[kind]
    things = Arrays("thing", {"place": "integer", "value": kind})
    sql = Sql(f"select value, $1::bigint from {things.unnest('t')} order by place")
    rows = await db.rows(sql, 1, **things.column_arguments({"place": list(range(len(values))), "value": values}))
    assert [row["value"] for row in rows] == values


async def test_texts_of_any_characters_arrive_as_they_were(db: Db) -> None:
    chance = random.Random(run_seed(7))
    texts = Arrays("text", {"place": "integer", "value": "text"})
    sql = Sql(f"select value, $1::bigint from {texts.unnest('t')} order by place")
    signs = [*map(chr, range(1, 256)), *'\\"{}, unN', "\ud7ff", "\ue000", "\U0010ffff"]
    values = ["".join(chance.choices(signs, k=chance.randrange(8))) for _ in range(2000)]
    rows = await db.rows(sql, 1, **texts.column_arguments({"place": list(range(2000)), "value": values}))
    assert [row["value"] for row in rows] == values


async def test_a_text_that_cannot_be_stored_is_refused(db: Db) -> None:
    texts = Arrays("text", {"value": "text"})
    sql = Sql(f"select value, $1::bigint from {texts.unnest('t')}")
    with pytest.raises(asyncpg.CharacterNotInRepertoireError):
        await db.rows(sql, 1, **texts.arguments([{"value": "a\0"}]))
    with pytest.raises(UnicodeEncodeError):
        texts.arguments([{"value": "\ud800"}])


async def test_one_row_goes_as_single_arguments(db: Db) -> None:
    seats = Arrays("seat", {"row": "text", "number": "integer"})
    sql = Sql(f"select s.row, s.number, $1::bigint from {seats.one('s')}")
    row = await db.row(sql, 1, **seats.one_arguments({"number": 2, "row": "A", "more": 1}))
    assert row is not None
    assert (row["row"], row["number"]) == ("A", 2)
    with pytest.raises(KeyError):
        seats.one_arguments({"row": "A"})
