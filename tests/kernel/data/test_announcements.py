"""The text that announces, and rows that were announced under former topics."""

import shutil
from pathlib import Path

import asyncpg
import msgspec
import pytest

from fanfare.kernel.data.announcements import HOLD, Topic, WrongAnnouncement, also, announce
from fanfare.kernel.data.changes import feed
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import FOLDER, migrate, migrations
from tests.conftest import NewDatabase
from tests.kernel.data.test_changes import NOW

TOPICS = 49


class Colour(msgspec.Struct, forbid_unknown_fields=True):
    colour: int
    shade: int | msgspec.UnsetType = msgspec.UNSET


CREATED = Topic("thing.created", "A thing was created.", "thing_id", "always", Colour)
DELETED = Topic("thing.deleted", "A thing was deleted.", "")
SAVE = f"""
    with {HOLD},
    taken as materialized (select nextval('positions') as thing_id from hold),
    made as (select thing_id, 7 as fan_id, 3 as colour from taken),
    gone as (select generate_series(1, 2))
    {announce(CREATED, "made", position="thing_id", at="$2")}
    {also(DELETED, "gone", at="$2")}
    {also(CREATED, "made where colour = 3", subject="'x'", fan="8", at="$2", colour="$3::integer", shade="colour")}
"""


async def test_each_row_of_the_source_is_announced_by_its_columns(db: Db) -> None:
    await db.execute(SAVE, 11, NOW, 5)
    result = (await feed(db, 11, 0, 10)).changes
    assert [(each.topic, each.subject_id, each.fan_id, each.data) for each in result] == [
        ("thing.created", str(result[0].position), 7, {"colour": 3}),
        ("thing.deleted", "", None, {}),
        ("thing.deleted", "", None, {}),
        ("thing.created", "x", 8, {"colour": 5, "shade": 3}),
    ]
    assert {each.occurred_at for each in result} == {NOW}


@pytest.mark.parametrize(
    ("topic", "values", "fault"),
    [(CREATED, {"size": "1"}, "thing.created has no size"), (DELETED, {"fan": "fan_id"}, "thing.deleted names no fan")],
)
def test_a_text_that_differs_from_its_topic_is_refused(topic: Topic, values: dict[str, str], fault: str) -> None:
    with pytest.raises(WrongAnnouncement, match=fault):
        announce(topic, "made", at="$2", **values)


async def test_former_topics_are_renamed(empty_database: NewDatabase, tmp_path: Path) -> None:
    url = await empty_database()
    for each in migrations():
        if each.version < TOPICS:
            shutil.copy(FOLDER / f"{each.version:04}_{each.name}.sql", tmp_path)
    await migrate(url, tmp_path)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            """
            insert into changes (account_id, position, topic, subject_id, occurred_at)
            select 7, place, topic, '', now()
            from unnest(array['fan.updated', 'purchase.changed', 'push_token.saved', 'idol_event.changed'])
                with ordinality as former (topic, place)
            """
        )
        for each in migrations():
            shutil.copy(FOLDER / f"{each.version:04}_{each.name}.sql", tmp_path)
        await migrate(url, tmp_path)
        rows = await connection.fetch("select topic from changes order by position")
    finally:
        await connection.close()
    assert [row["topic"] for row in rows] == [
        "fan.updated", "purchase.updated", "push_token.updated", "idol_event.updated",
    ]  # fmt: skip
