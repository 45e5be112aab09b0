"""`backup`, `restore`, `erasures`: what an operator keeps elsewhere, and how a Fanfare goes on from it."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from fanfare.cli.database import ANSWER_SECONDS, in_database, reached
from fanfare.cli.options import DataDir
from fanfare.fans.actions.erasing_again import erase_again
from fanfare.fans.queries.erasures import certificates
from fanfare.fans.schemas.erasures import Certificate
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data import backups
from fanfare.kernel.data.migrate import check_schema, migrate
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.settings import Settings, from_environment

erasures = typer.Typer(help="Erasure certificates, to be kept outside the database.", no_args_is_help=True)


def backup(file: Annotated[Path, typer.Argument(help="The new file")], data_dir: DataDir = None) -> None:
    """Write the whole database into a file, as of one moment. Calls go on meanwhile."""
    with reached(_settings(data_dir), "fanfare backup") as url:
        backups.dump(url, file)
    typer.echo(f"{file}  {file.stat().st_size:,} bytes")


def restore(
    file: Annotated[
        Path | None,
        typer.Argument(help="The file that `fanfare backup` wrote; leave it out after a restore by other means"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Fill an empty database from a backup. Ids that were handed out after it are not handed out again.

    Without a file only that: for a database that a copy or another tool has brought back.
    """
    with reached(_settings(data_dir), "fanfare restore", create=file is not None) as url:
        asyncio.run(_restore(url, file))
    typer.echo("restored; before callers are let in, run: fanfare erasures apply FILE")


async def _restore(url: str, file: Path | None) -> None:
    if file is None:
        await check_schema(url, patience=ANSWER_SECONDS)
        await backups.go_ahead(url)
        return
    await backups.restore(url, file)
    await migrate(url, patience=ANSWER_SECONDS)


@erasures.command("list")
def list_erasures(data_dir: DataDir = None) -> None:
    """Print the certificates of all accounts, one JSON object a line. They hold nothing of a person."""
    for each in in_database(_settings(data_dir), "fanfare erasures list", certificates):
        typer.echo(msgspec.json.encode(each).decode())


@erasures.command("apply")
def apply_erasures(
    file: Annotated[Path, typer.Argument(help="The file with the output of `fanfare erasures list`")],
    data_dir: DataDir = None,
) -> None:
    """Erase again whom a restored backup has brought back. Who is erased already is passed over."""
    given = _read(file)
    erased = in_database(
        _settings(data_dir), "fanfare erasures apply", lambda db: erase_again(db, given, system_clock())
    )
    typer.echo(f"{erased.count:,} fans erased again, of {len(given):,} certificates")
    if erased.left:
        named = ", ".join(f"fan {fan_id} of account {account_id}" for account_id, fan_id in erased.left)
        message = f"not erased: {named}. Keep callers out and see the log for the reason; this command can be repeated."
        raise CannotRun(message)


def _read(file: Path) -> list[Certificate]:
    found = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            found += [msgspec.json.decode(line, type=Certificate)] if line.strip() else []
        except msgspec.DecodeError as error:
            message = f"{file}, line {number}: {error}"
            raise CannotRun(message) from None
    return found


def _settings(data_dir: DataDir) -> Settings:
    return from_environment().changed(data_dir=data_dir)
