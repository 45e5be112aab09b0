"""`demo`: an account full of made-up fans."""

from typing import Annotated

import msgspec
import typer

from fanfare.cli.database import in_database
from fanfare.cli.options import AsJson, DataDir
from fanfare.kernel.clock import system_clock
from fanfare.kernel.settings import from_environment


def demo(
    fans: Annotated[int, typer.Option(min=1, help="How many fans")] = 20_000,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make an account with believable fans, campaigns and activities over two years."""
    # The makers of names and the like are large, and no other command needs them.
    from fanfare.demo import fill  # noqa: PLC0415 - as said

    settings = from_environment().changed(data_dir=data_dir)
    made = in_database(settings, "fanfare demo", lambda db: fill(db, fans, system_clock()))
    if as_json:
        typer.echo(msgspec.json.encode(made).decode())
        return
    typer.echo(f"account_id  {made.account_id}\napi_key     {made.api_key}\napi_secret  {made.api_secret}")
