"""docs/schema.sql is what the migrations leave, on every PostgreSQL on which the tests run."""

import asyncpg

from tests.conftest import NewDatabase
from tests.rules import schema_file

MEND = "docs/schema.sql is not what the migrations leave: write it with `make schema`"


async def test_the_file_is_the_schema_that_the_migrations_leave(empty_database: NewDatabase) -> None:
    remaining = await schema_file.migrated(await empty_database())
    assert schema_file.FILE.read_text("utf-8").splitlines() == remaining.splitlines(), MEND


async def test_the_file_makes_the_same_schema(empty_database: NewDatabase) -> None:
    connection = await asyncpg.connect(await empty_database())
    try:
        await connection.execute(schema_file.FILE.read_text("utf-8"))
        assert await schema_file.schema(connection) == schema_file.FILE.read_text("utf-8")
    finally:
        await connection.close()
