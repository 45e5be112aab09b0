"""Rows become structs by the names of their columns, in whatever order they stand."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import pytest

from fanfare.fans.queries import fans
from fanfare.fans.schemas.fans import Fan, LatestFan
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.rows import SECONDS, read_rows
from fanfare.search.queries import fans as found
from fanfare.search.schemas.search import FoundFan


class Seat(msgspec.Struct):
    row: str
    number: int
    note: str | None = None


class Named(msgspec.Struct, kw_only=True):
    number: int
    row: str


async def test_each_column_goes_into_the_field_of_its_name(db: Db) -> None:
    for columns in ("'a' as row, 1 as number", "1 as number, 'a' as row"):
        rows = await db.rows(f"select {columns} from generate_series(1, 2)")
        assert read_rows(Seat, rows) == [Seat("a", 1), Seat("a", 1)]
        assert read_rows(Named, rows) == [Named(row="a", number=1)] * 2
    # The field between keeps its default.
    assert read_rows(Seat, await db.rows("select 'a' as row, 2 as number, 'x' as note")) == [Seat("a", 2, "x")]
    assert read_rows(Seat, []) == []


@pytest.mark.parametrize("columns", ["'a' as row", "'a' as row, 1 as number, 'x' as note, 2 as more", "'a' as row, 1"])
async def test_a_column_that_is_no_field_and_a_field_short_raise(db: Db, columns: str) -> None:
    with pytest.raises(TypeError):
        read_rows(Seat, await db.rows(f"select {columns}"))


async def test_a_column_is_left_out_wherever_it_stands(db: Db) -> None:
    for columns in ("7 as number, 'a' as row, 9 as position", "'a' as row, 9 as position, 7 as number, 'x' as note"):
        (seat,) = read_rows(Seat, await db.rows(f"select {columns}"), "position")
        assert (seat.row, seat.number) == ("a", 7)
    # Also one that has the name of a field.
    rows = await db.rows("select 'a' as row, 7 as number, 'x' as note")
    assert read_rows(Seat, rows, "note") == [Seat("a", 7)]
    assert read_rows(Named, await db.rows("select 1 as position, 7 as number, 'a' as row"), "position") == [
        Named(number=7, row="a")
    ]


class Sale(msgspec.Struct):
    number: int
    sold: Annotated[datetime, msgspec.Meta(tz=True)]
    due: datetime | None = None


TIMES = ("1969-12-31 23:59:59.999999", "1900-01-01 00:00:00", "2026-11-27 18:43:20.999999", "2200-12-31 23:59:59.5")


async def test_seconds_become_times(db: Db) -> None:
    sql = f"select 1 as number, {SECONDS.format('t.moment')} as sold from unnest($1::timestamptz[]) as t (moment)"
    times = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in TIMES]
    sales = read_rows(Sale, await db.rows(sql, times))
    assert [each.sold for each in sales] == [each.replace(microsecond=0) for each in times]
    # As the driver's own time is.
    rows = await db.rows("select 1 as number, $1::timestamptz as sold, $1::timestamptz as due", times[0])
    assert read_rows(Sale, rows) == [Sale(1, times[0], times[0])]


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        (fans.ONE, Fan),
        (fans.BY_IDS, Fan),
        (fans.LATEST, LatestFan),
        (found.FANS, FoundFan),
        (found.FANS_WITH_RECENT, FoundFan),
    ],
)
async def test_columns_of_fans_have_the_order_of_their_fields(db: Db, sql: str, kind: type[msgspec.Struct]) -> None:
    """Others are found by name, which takes three times as long."""
    async with db.connection() as connection:
        columns = [each.name for each in (await connection.prepare(sql)).get_attributes()]
    assert columns == [*kind.__match_args__]
