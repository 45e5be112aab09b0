"""`demo`: an account with sample data."""

from functools import partial
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from fanfare.cli.database import in_database, no_check
from fanfare.cli.options import AsJson, DataDir
from fanfare.kernel.clock import system_clock
from fanfare.kernel.running.secret_keys import secret_keys
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
    # The generators are large, and no other command needs them.
    from fanfare.demo import create_demo  # noqa: PLC0415 - see above

    settings = from_environment().replace(data_dir=data_dir)
    # What the demo seals, its server reads: links of invitations, secrets of programs.
    secret_keys.use(settings)
    # Progress goes to stderr, and only to a terminal, because scripts read the keys from stdout.
    columns = TextColumn("{task.description}"), BarColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def report(step: str, share: float) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step.replace("_", " "), total=1.0)
            bars.update(tasks[step], completed=share)

        make = partial(create_demo, fans=fans, now=system_clock(), report=report, has_office=True)
        result = in_database(settings, "fanfare demo", make, create=no_check)
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
        return
    typer.echo(f"account_id  {result.account_id}\napi_key     {result.api_key}\napi_secret  {result.api_secret}")
