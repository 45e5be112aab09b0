"""`psql`: PostgreSQL's own shell on the database, the embedded one too."""

import os
import signal
import subprocess
from urllib.parse import unquote, urlsplit

import typer

from fanfare.cli.database import reached
from fanfare.cli.options import DataDir
from fanfare.kernel.embedded.binaries import program
from fanfare.kernel.settings import from_environment


def psql(context: typer.Context, data_dir: DataDir = None) -> None:
    """Open psql on the database, with any options of psql: fanfare psql -c "select count(*) from fans"."""
    with reached(from_environment().changed(data_dir=data_dir), "fanfare psql") as url:
        address, password = without_password(url)
        # Ctrl-C ends a statement inside psql, not this.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ran = subprocess.run(  # noqa: S603 - the program that comes along
            [program("psql"), "--dbname", address, *context.args], check=False, env={**os.environ, **password}
        )
    raise typer.Exit(ran.returncode)


def without_password(url: str) -> tuple[str, dict[str, str]]:
    """Return an address without its password, and the password as the environment has it: others see the command."""
    parts = urlsplit(url)
    if parts.password is None:
        return url, {}
    bare = parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", "@", 1))
    return bare.geturl(), {"PGPASSWORD": unquote(parts.password)}
