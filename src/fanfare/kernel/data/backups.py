"""Backups: a dump of one moment while all goes on, and a database that goes on from one.

The programs are PostgreSQL's own, from the embedded wheel. What a restore adds: ids that were handed out after the dump
are never handed out again. Else a reader's cursor would lie beyond what is new, and a fan's id would lead to another.
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

# How far ahead sequences go: more than is handed out between a dump and the loss of what came after it. Positions are
# many and may go up to 2^53 (JSON); the others must stay below 2^32, which the audience index has room for.
AHEAD = 10_000_000
POSITIONS_AHEAD = 10_000_000_000
POSITIONS = "positions"
# A setting that PostgreSQL 17 brought; among the first lines of every dump that a newer program reads.
UNKNOWN_TO_OLDER = b"SET transaction_timeout = 0;\n"
HEAD_LINES = 30
# Whether anything but the mark of a restore is there already.
IS_FILLED = f"""
    select exists (
        select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm', 'S')
          and c.relname <> '{RESTORING}')
"""  # noqa: S608 - a constant


def dump(database_url: str, file: Path) -> None:
    """Write all of a database, as of one moment, into a new file that only this user may read."""
    if file.exists():
        message = f"{file} already exists"
        raise CannotRun(message)
    temporary = file.with_name(f"{file.name}.unfinished")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        words = ("--format=custom", "--no-owner", "--no-privileges", "--no-unlogged-table-data")
        _run("pg_dump", *words, url=database_url, output=descriptor)
        os.fsync(descriptor)
        temporary.rename(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


async def restore(database_url: str, file: Path) -> None:
    """Fill an empty database from a dump, as a whole or not at all; one that was cut off is ended by the next.

    Raises `CannotRun` for a file that is no dump and for a database with anything in it.
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
        await _go_ahead(connection)
        await connection.execute("analyze")
    finally:
        await connection.close()


async def go_ahead(database_url: str) -> None:
    """Do what a database needs that was restored by other means: no id that was handed out is handed out again."""
    connection = await asyncpg.connect(database_url)
    try:
        await _go_ahead(connection)
    finally:
        await connection.close()


async def _go_ahead(connection: Connection) -> None:
    """Move every sequence beyond what may have been handed out after the dump, and take the mark away, in one."""
    async with connection.transaction():
        await connection.execute(
            """
            select setval(c.oid::regclass, s.last_value + case when c.relname = $1 then $2::bigint else $3::bigint end)
            from pg_class c
            cross join lateral (select coalesce(pg_sequence_last_value(c.oid::regclass), 0) as last_value) s
            where c.relkind = 'S' and c.relnamespace = 'public'::regnamespace
            """,
            POSITIONS,
            POSITIONS_AHEAD,
            AHEAD,
        )
        await connection.execute(f"drop table if exists {RESTORING}")


def check(file: Path) -> None:
    """Raise `CannotRun` for what is no dump of a Fanfare."""
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
    """Write what the dump says into the database in one transaction, which is committed after the last of it."""
    words = ("--file=-", "--no-owner", "--no-privileges", "--no-comments")
    with _Program("pg_restore", *words, str(file), output=subprocess.PIPE) as reading:
        alone = ("--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1")
        with _Program("psql", *alone, url=database_url, input_=subprocess.PIPE) as writing:
            text, into = reading.process.stdout, writing.process.stdin
            if text is None or into is None:
                raise AssertionError
            # When psql has given up, it says why.
            with suppress(BrokenPipeError):
                into.write(b"begin;\n")
                for line in itertools.islice(text, HEAD_LINES):
                    into.write(b"" if line == UNKNOWN_TO_OLDER else line)
                shutil.copyfileobj(text, into)
                if reading.wait() == 0:
                    into.write(b"commit;\n")
            with suppress(BrokenPipeError):
                into.close()


def _run(name: str, *words: str, url: str | None = None, output: int = subprocess.DEVNULL) -> None:
    """Run one of PostgreSQL's programs to its end."""
    with _Program(name, *words, url=url, output=output):
        pass


class _Program:
    """One of PostgreSQL's programs at work; its first complaint is the reason when it fails."""

    def __init__(
        self,
        name: str,
        *words: str,
        url: str | None = None,
        input_: int = subprocess.DEVNULL,
        output: int = subprocess.DEVNULL,
    ) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this
        target, environment = without_password(url)
        command = [program(name), *words, *(() if target is None else ("--dbname", target))]
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
    """Return an address without its password, and an environment with it: whoever lists processes sees the address."""
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "30"}
    if url is None:
        return None, environment
    parts = urlsplit(url)
    if parts.password is None:
        return url, environment
    user, _, place = parts.netloc.rpartition("@")
    stripped = parts._replace(netloc=f"{user.partition(':')[0]}@{place}")
    return urlunsplit(stripped), environment | {"PGPASSWORD": unquote(parts.password)}
