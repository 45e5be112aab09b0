"""`demo`: an account full of made-up fans."""

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from fanfare.cli.database import anyway, in_database
from fanfare.cli.options import AsJson, DataDir
from fanfare.kernel.clock import system_clock
from fanfare.kernel.running.settings import from_environment


def demo(
    fans: Annotated[int, typer.Option(min=1, help="Number of fans")] = 20_000,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Create an account with sample fans, campaigns and two years of activities.

    Example: fanfare demo --fans 1000
    """
    # The makers of names and the like are large, and no other command needs them.
    from fanfare.demo import create_demo  # noqa: PLC0415 - as said

    settings = from_environment().changed(data_dir=data_dir)
    # Progress goes where nobody reads the keys from, and only when somebody is looking.
    columns = TextColumn("{task.description}"), BarColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what.replace("_", " "), total=1.0)
            bars.update(tasks[what], completed=share)

        made = in_database(
            settings, "fanfare demo", lambda db: create_demo(db, fans, system_clock(), report), create=anyway
        )
    if as_json:
        typer.echo(msgspec.json.encode(made).decode())
        return
    typer.echo(f"account_id  {made.account_id}\napi_key     {made.api_key}\napi_secret  {made.api_secret}")
