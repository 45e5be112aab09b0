"""Cells of exports: no text is written as a formula."""

import pytest

from fanfare.exports.queries.tables.statements import TABLES, TYPES
from fanfare.kernel.data.db import Db

TEXTS = {"text", "varchar", "bpchar", "name", "json", "jsonb"}


@pytest.mark.parametrize("name", TABLES)
async def test_every_text_of_a_table_is_declared_as_one(db: Db, name: str) -> None:
    async with db.connection() as connection:
        statement = await connection.prepare(TYPES[name], name="")
    texts = {each.name for each in statement.get_attributes() if each.type.name.removesuffix("[]") in TEXTS}
    assert {column for column in texts if not TABLES[name].columns[column].is_text} == set()
