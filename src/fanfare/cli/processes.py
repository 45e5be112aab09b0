"""`up`, `serve`, `work`, `index`, `migrate`: the commands that run processes."""

import asyncio
import os
import sys
from typing import Annotated, NoReturn

import typer

from fanfare.cli.database import no_check, open_database
from fanfare.cli.options import DataDir, Host, LogLevel, Port, Workers
from fanfare.kernel.data.migrate import migrate as migrate_
from fanfare.kernel.running.settings import from_environment
from fanfare.places.geo import city_database


def up(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    log_level: LogLevel = None,
) -> None:
    """Run everything: the database, its migrations, the servers and the worker.

    Uses DATABASE_URL, or else an embedded PostgreSQL in the data directory. Ctrl-C stops everything.

    Example: fanfare up --port 8000
    """
    _exec_supervisor(
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
    """Run only the servers.

    Uses DATABASE_URL, or the database of a `fanfare up` on the same data directory.

    Example: fanfare serve --port 8001 --workers 2
    """
    _exec_supervisor(
        "serve",
        data_dir=data_dir,
        host=host,
        port=port,
        workers=workers,
        log_level=log_level,
    )


def work(data_dir: DataDir = None, log_level: LogLevel = None) -> None:
    """Run only a worker, which does the background jobs.

    Uses DATABASE_URL, or the database of a `fanfare up` on the same data directory.
    """
    _exec_supervisor("work", data_dir=data_dir, log_level=log_level)


def index(data_dir: DataDir = None, log_level: LogLevel = None) -> None:
    """Run only an index process, which answers counts and statistics from memory.

    Several divide the accounts. Uses DATABASE_URL, or the database of a `fanfare up` on the same data directory.
    """
    _exec_supervisor("index", data_dir=data_dir, log_level=log_level)


def migrate(
    data_dir: DataDir = None, *, quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only")] = False
) -> None:
    """Migrate the database to the schema of this version; does nothing if it is up to date."""
    with open_database(from_environment().replace(data_dir=data_dir), "fanfare migrate", create=no_check) as url:
        applied = asyncio.run(migrate_(url))
    if not quiet:
        for migration in applied:
            typer.echo(f"applied {migration.version:04} {migration.name}")
        typer.echo("the database is up to date")


def _exec_supervisor(role: str, **options: object) -> NoReturn:
    """Replace this process by the supervisor, which runs long and needs few of the command line's imports."""
    settings = from_environment().replace(**options)
    if settings.geoip_city_db and role in ("up", "serve"):
        # Raises before anything is created or started.
        city_database.use(settings.geoip_city_db)
    os.execve(  # noqa: S606 - this program
        sys.executable,
        [sys.executable, "-P", "-m", "fanfare.cli.up", role],
        {**os.environ, **settings.environment()},
    )
