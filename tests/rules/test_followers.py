"""Whoever keeps a `fan_id` follows when fans are merged or erased: `app.FOLLOWERS` names each such table."""

from collections.abc import Mapping

import pytest

from fanfare import app
from tests.rules.schema import Table, migration_texts, tables


def follower_faults(made: Mapping[str, Table], followed: set[str]) -> list[str]:
    """Return the tables with a fan's id that nobody moves or forgets, and followers of tables that are not there."""
    kept = {table.name for table in made.values() if any(name.endswith("fan_id") for name in table.columns)}
    return [f"{name} keeps a fan_id and has no follower" for name in sorted(kept - followed)] + [
        f"{name} has a follower and keeps no fan_id" for name in sorted(followed - kept)
    ]


@pytest.mark.skipif(not hasattr(app, "FOLLOWERS"), reason="no call merges or erases fans yet")
def test_every_table_with_a_fan_has_a_follower() -> None:
    followers = vars(app)["FOLLOWERS"]
    assert follower_faults(tables(migration_texts()), {name for each in followers for name in each.TABLES}) == []
    assert [each.__name__ for each in followers if not (callable(each.move_fan) and callable(each.forget_fan))] == []


def test_nothing_merges_without_followers() -> None:
    merging = [each.call_id for each in app.endpoints() if "merge" in each.call_id or "erase" in each.call_id]
    assert merging == [] or hasattr(app, "FOLLOWERS")


def test_sees_a_table_without_a_follower() -> None:
    made = tables(["create table tickets (fan_id bigint)", "create table campaigns (winner_fan_id bigint)"])
    assert follower_faults(made, {"tickets", "tags"}) == [
        "campaigns keeps a fan_id and has no follower",
        "tags has a follower and keeps no fan_id",
    ]
