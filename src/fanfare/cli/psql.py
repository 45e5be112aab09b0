"""`psql`: PostgreSQL's shell on the database, embedded or external."""

import signal
import subprocess

import typer

from fanfare.cli.database import open_database
from fanfare.cli.options import DataDir
from fanfare.kernel.data.backups import without_password
from fanfare.kernel.running.embedded.binaries import program
from fanfare.kernel.running.settings import from_environment


def psql(context: typer.Context, data_dir: DataDir = None) -> None:
    """Open psql, PostgreSQL's shell, on the database; all options of psql work.

    Example: fanfare psql -c "select count(*) from fans"
    """
    with open_database(from_environment().replace(data_dir=data_dir), "fanfare psql") as url:
        address, environment = without_password(url)
        # Ctrl-C cancels a statement in psql and must not end this process.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        result = subprocess.run([program("psql"), f"--dbname={address}", *context.args], check=False, env=environment)  # noqa: S603 - part of the wheel
    raise typer.Exit(result.returncode)
