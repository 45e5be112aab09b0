"""`up`, `serve`, `work`, `index`, `migrate`: what runs."""

import asyncio
import os
import sys
from typing import Annotated, NoReturn

import typer

from fanfare.cli.database import reached
from fanfare.cli.options import DataDir, Host, LogLevel, Port, Workers
from fanfare.kernel.data.migrate import migrate as migrate_
from fanfare.kernel.running.settings import from_environment


def up(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    log_level: LogLevel = None,
) -> None:
    """Run everything: the database (or the one of DATABASE_URL), its migrations, servers and the worker."""
    _become(
        "up",
        data_dir=data_dir,
        host=host,
        port=port,
        workers=workers,
        log_level=log_level,
    )


def serve(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    log_level: LogLevel = None,
) -> None:
    """Run server processes only, on the database of DATABASE_URL or of a `fanfare up`."""
    _become(
        "serve",
        data_dir=data_dir,
        host=host,
        port=port,
        workers=workers,
        log_level=log_level,
    )


def work(data_dir: DataDir = None, log_level: LogLevel = None) -> None:
    """Run a worker only, on the database of DATABASE_URL or of a `fanfare up`."""
    _become("work", data_dir=data_dir, log_level=log_level)


def index(data_dir: DataDir = None, log_level: LogLevel = None) -> None:
    """Run an index process only, on the database of DATABASE_URL or of a `fanfare up`; several divide the accounts."""
    _become("index", data_dir=data_dir, log_level=log_level)


def migrate(
    data_dir: DataDir = None, *, quiet: Annotated[bool, typer.Option(help="Print errors only")] = False
) -> None:
    """Bring the database to the schema of this version. Nothing happens when it is there already."""
    with reached(from_environment().changed(data_dir=data_dir), "fanfare migrate", create=True) as url:
        applied = asyncio.run(migrate_(url))
    if not quiet:
        for migration in applied:
            typer.echo(f"applied {migration.version:04} {migration.name}")
        typer.echo("the database is up to date")


def _become(what: str, **options: object) -> NoReturn:
    """Give this process to the supervisor, which lives long and needs little of what the command line has loaded."""
    settings = from_environment().changed(**options)
    os.execve(  # noqa: S606 - this program again
        sys.executable,
        [sys.executable, "-P", "-m", "fanfare.cli.up", what],
        {**os.environ, **settings.environment()},
    )
