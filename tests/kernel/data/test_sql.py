"""Named arguments become numbers when a module is loaded, and none can be missing, unknown or mistaken."""

import pytest

from fanfare.kernel.data.db import Composed, Db, Heavy
from fanfare.kernel.data.sql import Arrays, Sql


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


async def test_one_row_goes_as_single_arguments(db: Db) -> None:
    seats = Arrays("seat", {"row": "text", "number": "integer"})
    sql = Sql(f"select s.row, s.number, $1::bigint from {seats.one('s')}")
    row = await db.row(sql, 1, **seats.one_arguments({"number": 2, "row": "A", "more": 1}))
    assert row is not None
    assert (row["row"], row["number"]) == ("A", 2)
    with pytest.raises(KeyError):
        seats.one_arguments({"row": "A"})
