"""`secret-key`: the keys that encrypt and sign codes, links and tokens."""

from datetime import timedelta
from typing import Annotated

import typer

from fanfare.cli.options import DataDir
from fanfare.kernel.clock import system_clock
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running import secret_keys as keys
from fanfare.kernel.running.secret_keys import SecretKey
from fanfare.kernel.running.settings import Settings, from_environment

secret_key = typer.Typer(
    help="Create, list and rotate the secret keys, which encrypt and sign codes, links and tokens.",
    no_args_is_help=True,
)


@secret_key.command("create")
def create() -> None:
    """Print a new random key for FANFARE_SECRET_KEY."""
    typer.echo(keys.new_key(system_clock()).text)


@secret_key.command("list")
def list_keys(data_dir: DataDir = None) -> None:
    """List the keys by their fingerprints, with when they begin and end. Servers that work together have the same."""
    settings = _settings(data_dir)
    for each in keys.from_settings(settings) or keys.read_file(settings.data_dir / keys.FILE):
        typer.echo(_line(each))


@secret_key.command("rotate")
def rotate(
    overlap_days: Annotated[
        float, typer.Option(min=0, help="Days that links and tokens made with the older keys still work")
    ] = 30,
    data_dir: DataDir = None,
) -> None:
    """Add a new key to the file in the data directory; it takes effect in a minute, the older keys end by themselves.

    Running servers read the file again. With FANFARE_SECRET_KEY, change the variable instead.

    Example: fanfare secret-key rotate --overlap-days 7
    """
    settings, now = _settings(data_dir), system_clock()
    if settings.secret_key:
        message = (
            "FANFARE_SECRET_KEY is set: append a key of `fanfare secret-key create` to it,"
            " after a comma, restart every server, then put it first and restart them again"
        )
        raise CannotRun(message)
    path = settings.data_dir / keys.FILE
    keys.rotate_file(path, now, timedelta(days=overlap_days))
    for each in keys.read_file(path):
        typer.echo(_line(each))


def _settings(data_dir: DataDir) -> Settings:
    return from_environment().replace(data_dir=data_dir)


def _line(key: SecretKey) -> str:
    end = f"ends {key.ends_at:%Y-%m-%d %H:%M}" if key.ends_at else "has no end"
    begin = f"begins {key.begins_at:%Y-%m-%d %H:%M}, " if key.begins_at > system_clock() else ""
    return f"{key.fingerprint}  {begin}{end}"
