"""Migrates a database to the schema of the code: plain SQL files in numeric order, forward only."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec

from fanfare.kernel.data import jobs
from fanfare.kernel.data.db import Connection
from fanfare.kernel.errors import CannotRun

FOLDER = Path(__file__).parents[2] / "migrations"
FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
NO_TRANSACTION = "-- no transaction"
# Any key that no other lock in this database uses.
LOCK = 0x46414E46_41524500
PAUSE = 0.1
# A table without columns that exists while a database is being restored.
RESTORING = "restoring"
CREATE_TABLE = """
    create table if not exists schema_migrations (
        version integer primary key,
        name text not null,
        checksum text not null,
        applied_at timestamptz not null
    )
"""


class CannotMigrate(CannotRun):
    """The database cannot be migrated to the schema of this code; the message says why."""


class Migration(msgspec.Struct, frozen=True):
    """A migration file: its number, its name, and its SQL."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of the SQL, in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """Whether the file runs in one transaction; `create index concurrently` cannot."""
        return not self.sql.startswith(NO_TRANSACTION)

    def statements(self) -> list[str]:
        """Return the units to execute: the whole file, or, outside a transaction, each statement."""
        if self.in_transaction:
            return [self.sql]
        text = "\n".join(line for line in self.sql.splitlines() if not line.lstrip().startswith("--"))
        return [part.strip() for part in text.split(";") if part.strip()]


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations of a folder in order; raises `CannotMigrate` for duplicate numbers and bad file names."""
    result: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        name = FILE_NAME.fullmatch(path.name)
        if name is None:
            message = f"{path.name} is not named NNNN_name.sql"
            raise CannotMigrate(message)
        version = int(name[1])
        if version in result:
            message = f"two migrations have the number {version}: {result[version].name} and {name[2]}"
            raise CannotMigrate(message)
        result[version] = Migration(version, name[2], path.read_text("utf-8"))
    return list(result.values())


async def migrate(database_url: str, folder: Path = FOLDER) -> list[Migration]:
    """Apply the missing migrations and return them. Concurrent calls wait for the first."""
    expected = migrations(folder)
    connection = await _connect(database_url)
    try:
        await _refuse_restoring(connection)
        async with _lock(connection):
            await connection.execute(CREATE_TABLE)
            missing = await _missing(connection, expected)
            for migration in missing:
                await _apply(connection, migration)
            await jobs.install(connection)
    finally:
        await connection.close()
    return missing


async def check_schema(database_url: str, folder: Path = FOLDER) -> None:
    """Raise `CannotMigrate` unless the database has the schema of this code; writes nothing."""
    connection = await _connect(database_url)
    try:
        await _refuse_restoring(connection)
        has_any = await connection.fetchval("select to_regclass('schema_migrations') is not null")
        missing = await _missing(connection, migrations(folder)) if has_any else migrations(folder)
    finally:
        await connection.close()
    if missing:
        message = f"the database lacks {len(missing)} of this version's migrations: run `fanfare migrate`"
        raise CannotMigrate(message)


async def _refuse_restoring(connection: Connection) -> None:
    if await connection.fetchval("select to_regclass($1) is not null", RESTORING):
        message = "a restore of this database was interrupted: run `fanfare restore` with the same file again"
        raise CannotMigrate(message)


async def _connect(database_url: str) -> Connection:
    return await asyncpg.connect(
        database_url,
        server_settings={"application_name": "fanfare migrate", "timezone": "UTC", "statement_timeout": "0"},
    )


@asynccontextmanager
async def _lock(connection: Connection) -> AsyncIterator[None]:
    """Hold the migration lock.

    It polls instead of waiting in a statement: the snapshot of a waiting statement would block `create index
    concurrently` forever.
    """
    while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):  # noqa: ASYNC110 - polls the database
        await asyncio.sleep(PAUSE)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.fetchval("select pg_advisory_unlock($1)", LOCK)


async def _missing(connection: Connection, migration_files: Sequence[Migration]) -> list[Migration]:
    rows = await connection.fetch("select version, name, checksum from schema_migrations order by version")
    by_version = {migration.version: migration for migration in migration_files}
    for row in rows:
        migration = by_version.get(row["version"])
        if migration is None:
            message = (
                f"the database has migration {row['version']} ({row['name']}), which this version does not have: "
                "it belongs to a newer version of Fanfare"
            )
            raise CannotMigrate(message)
        if migration.checksum != row["checksum"]:
            message = f"migration {migration.version} ({migration.name}) was changed after it was applied"
            raise CannotMigrate(message)
    applied = {row["version"] for row in rows}
    return [migration for migration in migration_files if migration.version not in applied]


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        if not migration.in_transaction:
            for statement in migration.statements():
                await connection.execute(statement)
            await _record(connection, migration)
            return
        async with connection.transaction():
            await connection.execute(migration.sql)
            await _record(connection, migration)
    except asyncpg.PostgresError as error:
        message = f"migration {migration.version} ({migration.name}) failed: {type(error).__name__}: {error}"
        raise CannotMigrate(message) from error


async def _record(connection: Connection, migration: Migration) -> None:
    await connection.execute(
        "insert into schema_migrations (version, name, checksum, applied_at) values ($1, $2, $3, clock_timestamp())",
        migration.version,
        migration.name,
        migration.checksum,
    )
