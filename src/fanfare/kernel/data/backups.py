"""Backups: consistent dumps of a running database, and restoring them.

The programs are PostgreSQL's own, from the embedded wheel. After a restore, ids that were assigned after the dump are
never assigned again. Otherwise a reader's cursor would be beyond new rows, and a fan's id could lead to another fan.
"""

import itertools
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from fanfare.kernel.data.db import Connection
from fanfare.kernel.data.migrate import RESTORING
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.children import Launch, launch
from fanfare.kernel.running.embedded import program

# The gap after a restore: more than the ids that are assigned between a dump and the loss of what came after it.
# Positions are many and may go up to 2^53 (JSON); the others must stay below 2^32, the limit of the audience index.
ID_GAP = 10_000_000
POSITION_GAP = 10_000_000_000
POSITIONS = "positions"
# A setting that older servers do not know; a newer pg_restore writes it among the first lines.
PG17_SETTING = b"SET transaction_timeout = 0;\n"
HEAD_LINES = 30
# Whether the database contains anything but the marker of a restore.
IS_FILLED = f"""
    select exists (
        select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm', 'S')
          and c.relname <> '{RESTORING}')
"""  # noqa: S608 - a constant


def dump(database_url: str, file: Path) -> None:
    """Write a consistent dump of the whole database to a new file with mode 0600."""
    if file.exists():
        message = f"{file} already exists"
        raise CannotRun(message)
    temporary = file.with_name(f"{file.name}.unfinished")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        options = ("--format=custom", "--no-owner", "--no-privileges", "--no-unlogged-table-data")
        _run("pg_dump", *options, url=database_url, output=descriptor)
        os.fsync(descriptor)
        temporary.rename(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


async def restore(database_url: str, file: Path) -> None:
    """Restore a dump into an empty database, completely or not at all; repeating an interrupted restore completes it.

    Raises `CannotRun` if the file is not a dump or the database is not empty.
    """
    check(file)
    connection = await asyncpg.connect(database_url, command_timeout=None)
    try:
        is_begun = await connection.fetchval("select to_regclass($1) is not null", RESTORING)
        is_filled = await connection.fetchval(IS_FILLED)
        if is_filled and not is_begun:
            message = "the database is not empty: restore into a new data directory, or into an empty database"
            raise CannotRun(message)
        if not is_filled:
            await connection.execute(f"create table if not exists {RESTORING} ()")
            _fill(database_url, file)
        await _advance_sequences(connection)
        await connection.execute("analyze")
    finally:
        await connection.close()


async def advance_sequences(database_url: str) -> None:
    """Advance the sequences of a database that was restored with another tool, so that no id is assigned twice."""
    connection = await asyncpg.connect(database_url)
    try:
        await _advance_sequences(connection)
    finally:
        await connection.close()


async def _advance_sequences(connection: Connection) -> None:
    """Advance every sequence beyond the ids that may have been assigned since the dump, and remove the marker."""
    async with connection.transaction():
        await connection.execute(
            """
            select setval(c.oid::regclass, s.last_value + case when c.relname = $1 then $2::bigint else $3::bigint end)
            from pg_class c
            cross join lateral (select coalesce(pg_sequence_last_value(c.oid::regclass), 0) as last_value) s
            where c.relkind = 'S' and c.relnamespace = 'public'::regnamespace
            """,
            POSITIONS,
            POSITION_GAP,
            ID_GAP,
        )
        await connection.execute(f"drop table if exists {RESTORING}")


def check(file: Path) -> None:
    """Raise `CannotRun` unless the file is a Fanfare dump."""
    if not file.is_file():
        message = f"{file} does not exist"
        raise CannotRun(message)
    contents = b""
    try:
        with _Program("pg_restore", "--list", str(file), output=subprocess.PIPE) as listing:
            if listing.process.stdout is not None:
                contents = listing.process.stdout.read()
    except CannotRun as error:
        message = f"{file} is not a backup: {error}"
        raise CannotRun(message) from None
    if b" TABLE public schema_migrations " not in contents:
        message = f"{file} is not a Fanfare backup"
        raise CannotRun(message)


def _fill(database_url: str, file: Path) -> None:
    """Run the dump in the database in one transaction, which commits only if all of the dump was read."""
    options = ("--file=-", "--no-owner", "--no-privileges", "--no-comments")
    with _Program("pg_restore", *options, str(file), output=subprocess.PIPE) as dump_reader:
        psql_options = ("--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1")
        with _Program("psql", *psql_options, url=database_url, input_=subprocess.PIPE) as psql:
            dump_sql, psql_input = dump_reader.process.stdout, psql.process.stdin
            if dump_sql is None or psql_input is None:
                raise AssertionError
            # psql reports the reason itself.
            with suppress(BrokenPipeError):
                psql_input.write(b"begin;\n")
                for line in itertools.islice(dump_sql, HEAD_LINES):
                    psql_input.write(b"" if line == PG17_SETTING else line)
                shutil.copyfileobj(dump_sql, psql_input)
                if dump_reader.wait() == 0:
                    psql_input.write(b"commit;\n")
            with suppress(BrokenPipeError):
                psql_input.close()


def _run(name: str, *options: str, url: str | None = None, output: int = subprocess.DEVNULL) -> None:
    """Run one of PostgreSQL's programs until it exits."""
    with _Program(name, *options, url=url, output=output):
        pass


class _Program:
    """A running PostgreSQL program; if it fails, the first line of its stderr is the reason."""

    def __init__(
        self,
        name: str,
        *options: str,
        url: str | None = None,
        input_: int = subprocess.DEVNULL,
        output: int = subprocess.DEVNULL,
    ) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this object
        target, environment = without_password(url)
        command = [program(name), *options, *(() if target is None else ("--dbname", target))]
        process = launch(Launch(command=command, env=environment, input=input_, output=output, errors=self._errors))
        self.process, self.wait = process.process, partial(process.wait, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        status = self.wait()
        if kind is None and status != 0:
            self._errors.seek(0)
            lines = [line for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()]
            message = lines[0] if lines else f"{self.name} ended with status {status}"
            raise CannotRun(message)


def without_password(url: str | None) -> tuple[str | None, dict[str, str]]:
    """Return a URL without its password and an environment with it, since other users can list command lines."""
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "30"}
    if url is None:
        return None, environment
    parts = urlsplit(url)
    if parts.password is None:
        return url, environment
    user, _, place = parts.netloc.rpartition("@")
    stripped = parts._replace(netloc=f"{user.partition(':')[0]}@{place}")
    return urlunsplit(stripped), environment | {"PGPASSWORD": unquote(parts.password)}
