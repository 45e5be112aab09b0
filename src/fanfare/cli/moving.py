"""`import`: accounts of other services that move in."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from fanfare.cli.database import in_database
from fanfare.cli.options import AsJson, DataDir
from fanfare.cli.urls import checked_url
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.settings import Settings, from_environment
from fanfare.moving.schemas import Hooks, MoveReport, Options, TableReport, printable

imports = typer.Typer(help="Move accounts of other services in.", no_args_is_help=True)
KEY_VARIABLE, SECRET_VARIABLE = "API_KEY", "API_SECRET"


@imports.command("tradablebits")
def import_tradablebits(  # noqa: PLR0913 - the options of a command
    url: Annotated[str, typer.Option(help="Address of the API, such as https://tradablebits.com")],
    account_id: Annotated[
        int | None,
        typer.Option("--account", help="Id of the account here. Default: the only one", show_default=False),
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(help=f"Public key there. Default: {KEY_VARIABLE}, else asked for", show_default=False)
    ] = None,
    api_secret: Annotated[
        Path | None,
        typer.Option(help=f"File with the secret. Default: {SECRET_VARIABLE}, else asked for", show_default=False),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(help="What the source cannot list, can be repeated: network=shopify, or scan_group=Main gates"),
    ] = None,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Pull an account of the original service into an account here, and print what is different for each table.

    A move that ended early, also by a crash, continues where it was. Run again after its end, it fetches what is new.
    The secret is never an option: other users of the machine could read it.

    Example: fanfare import tradablebits --url https://tradablebits.com --account 1
    """
    base, options = _checked_url(url), _options(include or [])
    key = api_key or os.environ.get(KEY_VARIABLE) or typer.prompt("API key")
    settings = from_environment().replace(data_dir=data_dir)
    report = _move(settings, (base, key, _secret(api_secret)), account_id, options)
    typer.echo(msgspec.json.encode(report).decode() if as_json else _text(report))


def _move(settings: Settings, source: tuple[str, str, str], account_id: int | None, options: Options) -> MoveReport:
    """Move an account from a source, which is an address, a key and a secret, and show the progress."""
    # The move writes through every domain.
    import fanfare.app  # noqa: F401, PLC0415 - connects the domains; slow, and other commands need none of it
    from fanfare.moving.actions.running import move_account  # noqa: PLC0415 - as above
    from fanfare.moving.gateways import new_source  # noqa: PLC0415 - as above

    public_address.use(settings)
    # Progress goes to stderr, and only to a terminal.
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]}"), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        show = _Bars(bars)

        async def act(db: Db) -> MoveReport:
            async with new_source(*source) as api:
                target = await _account(db, account_id)
                return await move_account(db, target, (source[0], api), options, Hooks(system_clock, show))

        return in_database(settings, "fanfare import", act)


def _options(include: list[str]) -> Options:
    """Return what to ask the source for beyond its lists."""
    values: dict[str, list[str]] = {"network": [], "scan_group": []}
    for each in include:
        name, _, value = each.partition("=")
        if name not in values or not value:
            message = "--include must be network=NAME or scan_group=NAME"
            raise CannotRun(message)
        values[name].append(value)
    return Options(tuple(values["network"]), tuple(values["scan_group"]))


class _Bars:
    """A bar for each table."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, int] = {}

    def __call__(self, table: str, rows: int | None) -> None:
        if table not in self._tasks:
            self._tasks[table] = self._bars.add_task(table.replace("_", " "), total=None, rows="")
        self._counts[table] = self._counts.get(table, 0) + (rows or 0)
        self._bars.update(self._tasks[table], rows=f"{self._counts[table]:,}")
        if rows is None:
            self._bars.update(self._tasks[table], total=1, completed=1)


def _checked_url(url: str) -> str:
    """Return an address that calls can be made to, without its path."""
    parsed = checked_url("--url", url, takes_secret=True)
    return str(parsed.copy_with(raw_path=b"/", fragment=None, userinfo=b"")).rstrip("/")


def _secret(path: Path | None) -> str:
    if path is None:
        text = os.environ.get(SECRET_VARIABLE) or typer.prompt("API secret", hide_input=True)
    else:
        try:
            text = path.read_text("utf-8").strip()
        except (OSError, ValueError):
            message = f"--api-secret must be a file with the secret; or set {SECRET_VARIABLE}"
            raise CannotRun(message) from None
    if not text.isascii() or not text.isprintable():
        message = "the secret has letters that none has"
        raise CannotRun(message)
    return str(text)


async def _account(db: Db, account_id: int | None) -> int:
    from fanfare.accounts import queries  # noqa: PLC0415 - after the other domains

    ids = [each.account_id for each in await queries.accounts(db)]
    if account_id is None and len(ids) == 1:
        return ids[0]
    if account_id is None or account_id not in ids:
        message = f"--account must be one of {', '.join(map(str, ids)) or 'none: create one first'}"
        raise CannotRun(message)
    return account_id


def _text(report: MoveReport) -> str:
    """Return the report for a reader."""
    rows = [("table", "there", "read", "here", "different")]
    rows += [
        (
            each.table,
            "-" if each.there is None else f"{each.there:,}",
            f"{each.rows_read:,}",
            f"{each.here:,}",
            f"{each.different:,}",
        )
        for each in report.tables
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) if place == 0 else cell.rjust(width) for place, (cell, width) in enumerate(cells))
        for cells in (zip(row, widths, strict=True) for row in rows)
    ]
    for table in report.tables:
        lines += _details(table)
    lines += ["", "Not moved:", *(f"  {each}" for each in report.not_moved)]
    return "\n".join([*lines, "", f"{report.call_count:,} calls to {report.source_url}"])


def _details(table: TableReport) -> list[str]:
    lines = [f"  {printable(each.reason)}: {each.row_count:,}" for each in table.reasons]
    if table.unknown_fields:
        names = ", ".join(f"{printable(name)} ({count:,} rows)" for name, count in table.unknown_fields.items())
        lines.append(f"  fields that are not read, since they are not documented: {names}")
    if table.limit is not None:
        lines.append(f"  the source lists only its newest {table.limit:,}: older ones may not be here")
    if table.incomplete_days:
        days = ", ".join(map(str, table.incomplete_days))
        lines.append(f"  not all rows of these days are here, since the source has more than its calls give: {days}")
    return ["", f"{table.table}:", *lines] if lines else []
