"""`migrate`: the schema of this version."""

import asyncio
from typing import Annotated

import typer

from fanfare.cli.database import no_check, open_database
from fanfare.cli.options import DataDir
from fanfare.kernel.data.migrate import migrate as migrate_
from fanfare.kernel.running.settings import from_environment


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
