"""Whoever keeps a `fan_id` follows when fans are merged or erased: `app.FOLLOWERS` names each such table."""

from collections.abc import Iterator, Mapping

from fanfare import app
from tests.rules import waivers
from tests.rules.schema import Table, migration_texts, tables

ADD = "add it to TABLES of its domain's actions, and those to FOLLOWERS in src/fanfare/app.py"


def follower_faults(rows: Mapping[str, Table], followed: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the tables with a fan's id that nobody moves or forgets, and followers of tables that are not there."""
    remaining = {table.name for table in rows.values() if any(name.endswith("fan_id") for name in table.columns)}
    yield from ((name, f"keeps a fan_id and has no follower: {ADD}") for name in sorted(remaining - followed))
    yield from (
        (name, "has a follower and keeps no fan_id: remove it from TABLES of that domain's actions")
        for name in sorted(followed - remaining)
    )


def test_every_table_with_a_fan_has_a_follower() -> None:
    followed = {name for each in app.FOLLOWERS for name in each.TABLES}
    assert waivers.without(follower_faults(tables(migration_texts()), followed), waivers.FAN_IDS) == []


def test_sees_a_table_without_a_follower() -> None:
    created = tables(["create table tickets (fan_id bigint)", "create table campaigns (winner_fan_id bigint)"])
    assert list(follower_faults(created, {"tickets", "tags"})) == [
        ("campaigns", f"keeps a fan_id and has no follower: {ADD}"),
        ("tags", "has a follower and keeps no fan_id: remove it from TABLES of that domain's actions"),
    ]
