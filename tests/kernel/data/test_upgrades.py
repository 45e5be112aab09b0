"""R12: an upgrade keeps every row: databases of older versions, full of rows, are migrated and compared.

The short form has 200 rows in each table; `make faults` (FANFARE_FAULTS=full) has 20,000, a million in all.
"""

import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from fanfare.kernel.data import migrate
from fanfare.kernel.data.db import Connection
from tests.conftest import NewDatabase

IS_FULL = os.environ.get("FANFARE_FAULTS") == "full"
ROWS = 20_000 if IS_FULL else 200
# The last migration of an old version: before keys and networks were rewritten, and with little more than fans.
OLD = (6, 27, 39)
ACCOUNTS = 2
# Tables with a row for each account: by their key, or as migration 30 copies a stored response for each key.
FEW = {"accounts", "api_keys", "api_secrets", "audience_indexes", "erasure_keys", "rating_progress", "segment_progress"}
# The counters of a minute, which an upgrade resets.
TRANSIENT = {"rate_windows", "schema_migrations"}

# The values of row `n`. Each row refers to the rows of the same number in other tables.
BY_TYPE = {
    "bigint": "n",
    "integer": "n",
    "smallint": "n % 1000",
    "text": "'{column} ' || n",
    "boolean": "n % 2 = 0",
    "uuid": "lpad(to_hex(n), 32, '0')::uuid",
    "date": "date '2000-01-01' + (n % 9000)::integer",
    "timestamp with time zone": "timestamptz '2026-01-01 00:00Z' + n * interval '1 minute'",
    "timestamp without time zone": "timestamp '2026-01-01 00:00' + n * interval '1 minute'",
    "numeric": "n + 0.25",
    "double precision": "n % 90",
    "jsonb": "jsonb_build_object('number', n)",
    "bytea": "sha256(n::text::bytea)",
    "cidr": "('10.0.0.0'::inet + n)::cidr",
    "text[]": "array['{column} ' || n]",
    "bigint[]": "array[n]",
}
# Where a constraint allows only certain values.
BY_COLUMN = {
    "account_id": f"1 + n % {ACCOUNTS}",
    "api_keys.revoked_at": "null",
    "campaign_members.member_page_tab_id": "(n + 1) % {rows} + 1",
    "channel": "'email'",
    "consents.business_id": "null",
    "crm_fields.field_type": "'text'",
    "device_network": "'ios'",
    "end_row": "n + 1",
    "gender": "'female'",
    "idol_type": "'artist'",
    "pass_code": "lpad(n::text, 8, '0')",
    "performances.status": "'ready'",
    "postal_code": "'V' || n",
    "rating": "3.5",
}
COLUMNS = """
    select c.relname as table_name, a.attname as column_name, format_type(a.atttypid, null) as type
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    where c.relnamespace = $1::regnamespace and c.relkind = 'r' and c.relname <> all($2::text[])
    order by c.oid, a.attnum
"""
Tables = dict[str, dict[str, str]]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def tables(connection: Connection, schema: str) -> Tables:
    """Return the type of each column of each table."""
    result: Tables = {}
    for row in await connection.fetch(COLUMNS, schema, list(TRANSIENT)):
        result.setdefault(row["table_name"], {})[row["column_name"]] = row["type"]
    return result


async def fill(connection: Connection) -> None:
    """Fill every table and keep a copy of it in the schema `old`."""
    await connection.execute("create schema old")
    for table, columns in (await tables(connection, "public")).items():
        rows = ACCOUNTS if table in FEW else ROWS
        values = [
            BY_COLUMN.get(f"{table}.{name}", BY_COLUMN.get(name, BY_TYPE[kind])).format(column=name, rows=rows)
            for name, kind in columns.items()
        ]
        await connection.execute(
            f"insert into {table} ({', '.join(columns)}) overriding system value"
            f" select {', '.join(values)} from generate_series(1::bigint, {rows}) as n"
        )
        await connection.execute(f"create table old.{table} as select {', '.join(columns)} from {table}")


async def losses(connection: Connection) -> list[str]:
    """Return the columns that are gone, and for each table how many of its old rows are not there as they were."""
    new, result = await tables(connection, "public"), []
    for table, columns in (await tables(connection, "old")).items():
        remaining = [name for name in columns if name in new.get(table, {})]
        result += [f"{table}.{name}" for name in columns if name not in remaining]
        names = ", ".join(remaining)
        count = await connection.fetchval(
            f"select count(*) from (select {names} from old.{table} except select {names} from public.{table}) as lost"
        )
        result += [f"{table}: {count} rows"] if count else []
    return result


def versions(folder: Path, last: int) -> Path:
    """Copy the migrations up to a number into a folder."""
    folder.mkdir(exist_ok=True)
    for migration in migrate.migrations():
        if migration.version <= last:
            name = f"{migration.version:04}_{migration.name}.sql"
            shutil.copy(migrate.FOLDER / name, folder / name)
    return folder


@pytest.mark.parametrize("old", OLD)
async def test_an_upgrade_keeps_every_row(old: int, empty_database: NewDatabase, tmp_path: Path) -> None:
    url = await empty_database()
    await migrate.migrate(url, versions(tmp_path, old))
    async with connected(url) as connection:
        await fill(connection)
        started = time.monotonic()
        assert await migrate.migrate(url)
        if IS_FULL:
            print(f"{time.monotonic() - started:.0f} s from migration {old} with {ROWS} rows in each table")  # noqa: T201
        assert await losses(connection) == []
        assert await connection.fetchval("select count(*) from old.fans") == ROWS
    await migrate.check_schema(url)


async def test_sees_what_an_upgrade_loses(empty_database: NewDatabase, tmp_path: Path) -> None:
    url, folder = await empty_database(), versions(tmp_path, OLD[0])
    await migrate.migrate(url, folder)
    async with connected(url) as connection:
        await fill(connection)
        (folder / "9999_careless.sql").write_text(
            "delete from tags where tag_id = 5; update fans set first_name = 'x' where fan_id < 8;"
            " alter table campaigns drop column stream_key;"
        )
        await migrate.migrate(url, folder)
        assert sorted(await losses(connection)) == ["campaigns.stream_key", "fans: 7 rows", "tags: 1 rows"]
