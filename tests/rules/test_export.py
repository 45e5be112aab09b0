"""All that is held on a fan can be exported: every table that names a fan, or a reason beside it."""

from fanfare import app
from fanfare.fans import followers
from fanfare.fans.queries import export
from tests.rules import waivers
from tests.rules.schema import migration_texts, tables


def test_every_table_that_names_a_fan_is_exported_or_has_a_reason() -> None:
    naming = {
        table.name
        for table in tables(migration_texts()).values()
        if table.name not in waivers.FAN_IDS and any(name.endswith("fan_id") for name in table.columns)
    }
    exported = set(export.exported_tables())
    assert exported | set(export.NOT_EXPORTED) == naming
    assert exported & set(export.NOT_EXPORTED) == set()
    assert all(export.NOT_EXPORTED.values())


def test_a_table_about_several_people_names_what_each_of_them_gets() -> None:
    """A row that names no single fan as its own says more than what is about the person who takes it along."""
    schema = tables(migration_texts())
    several = {
        name
        for name in export.exported_tables()
        if {"fan_id"} != {c for c in schema[name].columns if c.endswith("fan_id")}
    }
    assert set(export.SHARED_COLUMNS) == several
    for name, columns in export.SHARED_COLUMNS.items():
        assert set(columns) <= set(schema[name].columns), name
    assert set(export.OWNERS) <= several


def test_the_tables_are_those_of_the_followers() -> None:
    assert followers.tables() == [name for each in app.FOLLOWERS for name in each.TABLES]
