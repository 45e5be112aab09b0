"""`up`, `serve`, `work`, `index`: the commands that run processes."""

import os
import sys
from typing import NoReturn

from fanfare.cli.options import DataDir, Host, LogLevel, Port, Workers
from fanfare.kernel.running.settings import from_environment


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


def _exec_supervisor(role: str, **options: object) -> NoReturn:
    """Replace this process by the supervisor, which runs long and needs few of the command line's imports."""
    settings = from_environment().replace(**options)
    if settings.geoip_city_db and role in ("up", "serve"):
        # Few have one. Raises before anything is created or started.
        from fanfare.places.geo import city_database  # noqa: PLC0415 - see above

        city_database.use(settings.geoip_city_db)
    os.execve(  # noqa: S606 - this program
        sys.executable,
        [sys.executable, "-P", "-m", "fanfare.cli.up", role],
        {**os.environ, **settings.environment()},
    )
