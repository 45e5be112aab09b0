"""A partial update writes what was sent: what is left out stays, what is empty is cleared."""

import asyncio
from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import Columns, sent_fields
from fanfare.kernel.parameters import Params, read
from fanfare.kernel.wire import Day, Flag, JsonObject, Text


class SeatChanges(Params):
    seat: Annotated[Text, "Which."]
    row: Annotated[Text | None | UnsetType, "Row."] = UNSET
    day: Annotated[Day | None | UnsetType, "Day."] = UNSET
    props: Annotated[JsonObject | None | UnsetType, "Settings."] = UNSET
    is_sold: Annotated[Flag | None, "Whether it is sold."] = None
    labels: Annotated[Text | None | UnsetType, "Kept elsewhere."] = UNSET


COLUMNS = Columns(SeatChanges, key=("seat",), other_tables=("labels",), names={"day": "held_on"}, empty={"props": {}})
TABLE = """
    create table if not exists seats (
        seat text primary key, row text, held_on date, props jsonb not null default '{}', is_sold boolean
    )
"""
CHANGE = f"update seats s set {COLUMNS.assignments('s', '$2')} where seat = $1"
DIFFERING = f"select {COLUMNS.changed_fields('s', '$2')} from seats s where seat = $1"


def changes(**raw: object) -> SeatChanges:
    return read(SeatChanges, {"seat": ["A1"], **{name: [value] for name, value in raw.items()}})


async def written(db: Db, updated: SeatChanges) -> dict[str, Any]:
    await db.execute(CHANGE, updated.seat, COLUMNS.record(COLUMNS.sent_fields(updated)))
    row = await db.row("select row, held_on::text, props, is_sold from seats where seat = $1", updated.seat)
    return dict(row or {})


async def test_what_is_left_out_stays_and_what_is_empty_is_cleared(db: Db) -> None:
    await db.execute(TABLE)
    await db.execute("insert into seats values ('A1', 'A', '2027-07-03', '{\"side\": \"left\"}', false)")
    full = {"row": "A", "held_on": "2027-07-03", "props": {"side": "left"}, "is_sold": False}
    assert await written(db, changes()) == full
    assert await written(db, changes(labels="x")) == full
    assert await written(db, changes(row="B", is_sold="true")) == {**full, "row": "B", "is_sold": True}
    # What cannot be cleared stays when it is sent empty.
    assert await written(db, changes(row="", day=None, props="", is_sold="")) == {
        "row": None,
        "held_on": None,
        "props": {},
        "is_sold": True,
    }
    assert sent_fields(changes(row="", labels="x", is_sold="")) == {"seat": "A1", "row": None, "labels": "x"}


async def test_says_which_fields_a_record_changes(db: Db) -> None:
    await db.execute(TABLE)
    await db.execute("insert into seats values ('B1', 'A', '2027-07-03', '{\"side\": \"left\"}', null)")
    for record, fields in (
        ({}, []),
        ({"row": "A", "held_on": "2027-07-03", "props": {"side": "left"}, "is_sold": None}, []),
        ({"row": None, "held_on": "2027-07-04"}, ["row", "day"]),
        ({"props": {}, "is_sold": False}, ["props", "is_sold"]),
    ):
        assert await db.value(DIFFERING, "B1", record) == fields


async def test_changes_of_different_fields_at_once_all_stay(db: Db) -> None:
    await db.execute(TABLE)
    await db.execute("insert into seats values ('C1') on conflict do nothing")
    fields = [("row", "R"), ("held_on", "2027-07-03"), ("is_sold", True)]
    await asyncio.gather(*(db.execute(CHANGE, "C1", {name: value}) for name, value in fields * 4))
    row = await db.row("select row, held_on::text, is_sold from seats where seat = 'C1'")
    assert dict(row or {}) == dict(fields)
