"""`places`: loads postal codes, metro areas and census figures from packages of public lists."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from fanfare.accounts.queries import account_ids
from fanfare.cli.database import in_database
from fanfare.cli.options import AsJson, DataDir
from fanfare.fans.actions.places import complete_addresses
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sweeps import for_each
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.scratch import Scratch
from fanfare.kernel.running.settings import Settings, from_environment
from fanfare.places.countries import country_codes
from fanfare.places.loading.metro_areas import Override, read_overrides, replace_overrides, store_canadian
from fanfare.places.loading.packages import PACKAGES, NoPackage, Package, PackageFile, find
from fanfare.places.loading.readers import READERS
from fanfare.places.loading.tables import (
    LoadResult,
    LoadTask,
    Report,
    is_done,
    load,
    loaded_countries,
)
from fanfare.places.loads import SourceStatus, Status, status

places = typer.Typer(help="Load postal codes, metro areas and census figures.", no_args_is_help=True)

# Without a terminal, progress is reported as a line at this interval.
SECONDS = 5.0

Paths = Annotated[
    list[Path] | None,
    typer.Option(
        "--from",
        exists=True,
        help="Wheel, data file, or folder with them; can be repeated. Default: the installed packages",
        show_default=False,
    ),
]
Source = Annotated[
    list[str] | None,
    typer.Option(
        help=f"Only this list, can be repeated: {', '.join(each.name for each in PACKAGES)}. Default: all",
        show_default=False,
    ),
]
Countries = Annotated[
    str, typer.Option(help="Only these countries, such as US,CA,GB. Default: all", show_default=False)
]
MetroAreas = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="CSV file with your own metro areas: country_code, postal_code, metro_area. Default: none",
        show_default=False,
    ),
]


class Selection(msgspec.Struct, frozen=True):
    """What to load: which lists, for which countries (None: all), from which files, and the operator's metro areas."""

    packages: tuple[Package, ...]
    countries: frozenset[str] | None
    files: Sequence[Path]
    overrides: list[Override] | None
    force: bool


@places.command("load")
def load_places(
    paths: Paths = None,
    source: Source = None,
    countries: Countries = "",
    metro_areas: MetroAreas = None,
    data_dir: DataDir = None,
    *,
    again: Annotated[bool, typer.Option("--again", help="Load also what was loaded before")] = False,
) -> None:
    """Load postal codes, metro areas and census figures that are not loaded yet.

    With --metro-areas alone no list is loaded, and none has to be installed. If it is interrupted, run it again: it
    continues with the country where it stopped.

    Example: fanfare places load --countries US,CA
    """
    overrides = None if metro_areas is None else read_overrides(metro_areas)
    has_lists = overrides is None or paths or source or countries or again
    packages = _packages(source or []) if has_lists else ()
    selection = Selection(packages, _countries(countries), paths or [], overrides, again)
    settings = from_environment().replace(data_dir=data_dir)
    with Scratch() as scratch, _progress_report() as report:
        work = partial(_load, selection=selection, scratch=scratch.path, report=report)
        create = partial(_find_all, selection, scratch.path)
        loaded = in_database(settings, "fanfare places load", work, create=create)
    for each in loaded:
        typer.echo(_line(each))
    completed = _complete(settings, "fanfare places load")
    if completed:
        typer.echo(f"{completed:,} addresses completed", err=True)


@places.command("complete")
def complete_all(data_dir: DataDir = None) -> None:
    """Complete the addresses of all fans from the places that are loaded; it can be repeated."""
    settings = from_environment().replace(data_dir=data_dir)
    typer.echo(f"{_complete(settings, 'fanfare places complete'):,} addresses completed")


def _complete(settings: Settings, purpose: str) -> int:
    """Complete the addresses of all accounts and return how many; at the end raise CannotRun if some failed."""
    completed, failed = in_database(settings, purpose, _complete_each)
    if failed:
        message = (
            f"{completed:,} addresses completed, but not those of account {', '.join(map(str, failed))}: see the log"
            " for the reason, then run again: fanfare places complete"
        )
        raise CannotRun(message)
    return completed


async def _complete_each(db: Db) -> tuple[int, list[int]]:
    result = await for_each(db, await account_ids(db), lambda db, id_: complete_addresses(db, id_, system_clock()))
    return sum(result.results), result.failed


@places.command("status")
def show_status(data_dir: DataDir = None, *, as_json: AsJson = False) -> None:
    """Show which lists are loaded, and how many places they gave."""
    settings = from_environment().replace(data_dir=data_dir)
    report = in_database(settings, "fanfare places status", status)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
        return
    typer.echo("\n".join([*(_source_line(each) for each in report.sources), *_totals(report)]))


async def _load(db: Db, selection: Selection, scratch: Path, report: Report) -> list[LoadResult]:
    # Find all files first, so that a missing one is reported at once.
    files = [file for package in selection.packages if (file := await _file(db, package, selection, scratch))]
    await store_canadian(db)
    if selection.overrides is not None:
        await replace_overrides(db, selection.overrides)
    return [
        await load(
            db,
            LoadTask(
                file.package.name,
                file.version,
                file.path,
                READERS[file.package.name],
                _countries_of(file.package, selection.countries),
            ),
            system_clock(),
            report,
            force=selection.force,
        )
        for file in files
    ]


async def _file(db: Db, package: Package, selection: Selection, scratch: Path) -> PackageFile | None:
    """Return the package's file; None if no country is selected, or all are loaded and the package is not installed."""
    countries = _countries_of(package, selection.countries)
    if countries is not None and not countries:
        return None
    try:
        return find(package, selection.files, scratch)
    except NoPackage:
        if not selection.force and is_done(countries, await loaded_countries(db, package.name)):
            return None
        raise


def _find_all(selection: Selection, scratch: Path) -> None:
    """Raise NoPackage unless every selected list is on this machine."""
    for package in selection.packages:
        if _countries_of(package, selection.countries) != frozenset():
            find(package, selection.files, scratch)


def _countries_of(package: Package, countries: frozenset[str] | None) -> frozenset[str] | None:
    """Return the selected countries of a package, None for all."""
    if countries is None or package.countries is None:
        return countries
    return countries & package.countries


def _packages(names: list[str]) -> tuple[Package, ...]:
    by_name = {package.name: package for package in PACKAGES}
    for name in names:
        if name not in by_name:
            message = f"there is no list {name!r}; the lists are {', '.join(by_name)}"
            raise CannotRun(message)
    return tuple(package for name, package in by_name.items() if not names or name in names)


def _countries(text: str) -> frozenset[str] | None:
    codes = frozenset(code.strip().upper() for code in text.split(",") if code.strip())
    unknown = codes - country_codes()
    if unknown:
        message = f"--countries: no country has the code {', '.join(sorted(unknown))}"
        raise CannotRun(message)
    return codes or None


@contextmanager
def _progress_report() -> Iterator[Report]:
    """Yield a function that reports progress on stderr: bars on a terminal, else a line at intervals."""
    if not sys.stderr.isatty():
        yield _line_report()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[places]:,}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def report(source: str, share: float, read: int) -> None:
            if source not in tasks:
                tasks[source] = bars.add_task(source, total=1.0, places=0)
            bars.update(tasks[source], completed=share, places=read)

        yield report


def _line_report() -> Report:
    reported_at = time.monotonic()

    def report(source: str, share: float, read: int) -> None:
        nonlocal reported_at
        if time.monotonic() - reported_at >= SECONDS:
            reported_at = time.monotonic()
            sys.stderr.write(f"{source}: {share:.0%}, {read:,} places\n")

    return report


def _line(loaded: LoadResult) -> str:
    name = f"{loaded.source} {loaded.version}"
    if not loaded.country_count:
        return f"{name:<28}loaded before"
    return f"{name:<28}{_count_words(loaded.postal_code_count, loaded.country_count)}"


def _count_words(codes: int, countries: int) -> str:
    return f"{codes:>9,} postal codes of {countries} {'country' if countries == 1 else 'countries'}"


def _source_line(source: SourceStatus) -> str:
    extent = "whole" if source.is_whole else "in part"
    name = f"{source.source} {source.version}"
    count = _count_words(source.postal_code_count, source.country_count)
    return f"{name:<28}{count}, {extent}, {source.loaded_at:%Y-%m-%d %H:%M} UTC"


def _totals(status: Status) -> Iterator[str]:
    yield f"{'postal codes':<28}{status.postal_codes:>9,}"
    yield f"{'  in metro areas':<28}{status.in_metro_areas:>9,}"
    yield f"{'metro areas':<28}{status.metro_areas:>9,}"
    yield f"{'census figures':<28}{status.census:>9,}"
    yield f"{'operator overrides':<28}{status.overrides:>9,}"
