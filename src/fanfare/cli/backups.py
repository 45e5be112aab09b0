"""`backup`, `restore`, `erasures`: backups, and what to do after a restore."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from fanfare.cli.database import in_database, open_database
from fanfare.cli.options import DataDir
from fanfare.fans.actions.erasing_again import erase_again
from fanfare.fans.queries.erasures import certificates
from fanfare.fans.schemas.erasures import Certificate
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data import backups
from fanfare.kernel.data.migrate import check_schema, migrate
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.settings import Settings, from_environment

erasures = typer.Typer(help="List and apply the certificates of erased fans.", no_args_is_help=True)


def backup(file: Annotated[Path, typer.Argument(help="Name of the new file")], data_dir: DataDir = None) -> None:
    """Write the whole database to a new file. The server can keep running.

    Example: fanfare backup fanfare.dump
    """
    with open_database(_settings(data_dir), "fanfare backup") as url:
        backups.dump(url, file)
    typer.echo(f"{file}  {file.stat().st_size:,} bytes")


def restore(
    file: Annotated[
        Path | None,
        typer.Argument(help="File written by `fanfare backup`; none after a restore with another tool"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Fill an empty database from a backup.

    New ids start far above those of the backup, so that no id is assigned twice. Without FILE only this is done:
    run it once on a database that was restored with another tool.

    Example: fanfare restore fanfare.dump --data-dir new
    """
    create = partial(backups.check, file) if file is not None else None
    with open_database(_settings(data_dir), "fanfare restore", create=create) as url:
        asyncio.run(_restore(url, file))
    typer.echo("restored; before you let callers in, run: fanfare erasures apply FILE")


async def _restore(url: str, file: Path | None) -> None:
    if file is None:
        await check_schema(url)
        await backups.advance_sequences(url)
        return
    await backups.restore(url, file)
    await migrate(url)


@erasures.command("list")
def list_erasures(data_dir: DataDir = None) -> None:
    """Print the certificates of all accounts, as lines of JSON without personal data.

    Keep them outside the database: after a restore, `fanfare erasures apply` erases those fans again.

    Example: fanfare erasures list > erasures
    """
    for each in in_database(_settings(data_dir), "fanfare erasures list", certificates):
        typer.echo(msgspec.json.encode(each).decode())


@erasures.command("apply")
def apply_erasures(
    file: Annotated[Path, typer.Argument(help="File with the output of `fanfare erasures list`")],
    data_dir: DataDir = None,
) -> None:
    """Repeat the erasures that a restored backup has undone. Can be repeated.

    Example: fanfare erasures apply erasures
    """
    # Erasing needs every domain, unlike the other commands here.
    import fanfare.app  # noqa: F401, PLC0415 - see above

    records = _read(file)
    result = in_database(
        _settings(data_dir), "fanfare erasures apply", lambda db: erase_again(db, records, system_clock())
    )
    typer.echo(f"{result.count:,} fans erased again, of {len(records):,} certificates")
    if result.remaining:
        names = ", ".join(f"fan {fan_id} of account {account_id}" for account_id, fan_id in result.remaining)
        message = f"not erased: {names}. Keep callers out, see the log for the reason, and run this command again."
        raise CannotRun(message)


def _read(file: Path) -> list[Certificate]:
    erasures = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            erasures += [msgspec.json.decode(line, type=Certificate)] if line.strip() else []
        except msgspec.DecodeError as error:
            message = f"{file}, line {number}: {error}"
            raise CannotRun(message) from None
    return erasures


def _settings(data_dir: DataDir) -> Settings:
    return from_environment().replace(data_dir=data_dir)
