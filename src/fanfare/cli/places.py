"""`places`: postal codes, metro areas and census figures, from packages that carry public lists."""

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
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.scratch import Scratch
from fanfare.kernel.running.settings import from_environment
from fanfare.places.countries import country_codes
from fanfare.places.loading.metro_areas import Override, keep_canadian, override, read_overrides
from fanfare.places.loading.packages import PACKAGES, Found, NoPackage, Package, find
from fanfare.places.loading.readers import READERS
from fanfare.places.loading.tables import (
    Loaded,
    Reading,
    Report,
    SourceStatus,
    Status,
    is_done,
    load,
    loaded_countries,
    status,
)

places = typer.Typer(help="Load postal codes, metro areas and census figures.", no_args_is_help=True)

# Where nobody looks on as it goes, a line every so many seconds is enough.
SECONDS = 5.0


class Wanted(msgspec.Struct, frozen=True):
    """What to load: which lists, of which countries (None: all), from where, and the operator's metro areas."""

    packages: tuple[Package, ...]
    countries: frozenset[str] | None
    given: Sequence[Path]
    overrides: list[Override] | None
    again: bool


@places.command("load")
def load_places(
    given: Annotated[
        list[Path] | None,
        typer.Option("--from", exists=True, help="A wheel, its file, or a folder with them; can be repeated"),
    ] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only this list; can be repeated")] = None,
    countries: Annotated[str, typer.Option(help="Only these countries, such as US,CA,GB")] = "",
    metro_areas: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="CSV: country_code, postal_code, metro_area")
    ] = None,
    data_dir: DataDir = None,
    *,
    again: Annotated[bool, typer.Option("--again", help="Load again what was loaded before")] = False,
) -> None:
    """Load what is not loaded yet. Cut off, it goes on with the country in which it was."""
    overrides = None if metro_areas is None else read_overrides(metro_areas)
    wanted = Wanted(_packages(source or []), _countries(countries), given or [], overrides, again)
    settings = from_environment().changed(data_dir=data_dir)
    with Scratch() as scratch, _reporting() as report:
        work = partial(_load, wanted=wanted, scratch=scratch.path, report=report)
        loaded = in_database(settings, "fanfare places load", work, create=True)
    for each in loaded:
        typer.echo(_line(each))
    completed = in_database(settings, "fanfare places load", _complete)
    if completed:
        typer.echo(f"{completed:,} addresses completed", err=True)


@places.command("complete")
def complete_all(data_dir: DataDir = None) -> None:
    """Complete the addresses of all fans by what is loaded: also what a newer list tells otherwise."""
    settings = from_environment().changed(data_dir=data_dir)
    typer.echo(f"{in_database(settings, 'fanfare places complete', _complete):,} addresses completed")


async def _complete(db: Db) -> int:
    completed = 0
    for account_id in await account_ids(db):
        completed += await complete_addresses(db, account_id, system_clock())
    return completed


@places.command("status")
def tell_status(data_dir: DataDir = None, *, as_json: AsJson = False) -> None:
    """Tell what was loaded."""
    settings = from_environment().changed(data_dir=data_dir)
    found = in_database(settings, "fanfare places status", status)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    typer.echo("\n".join([*(_source_line(each) for each in found.sources), *_totals(found)]))


async def _load(db: Db, wanted: Wanted, scratch: Path, report: Report) -> list[Loaded]:
    # What is missing is told before the first minute is spent.
    files = [file for package in wanted.packages if (file := await _file(db, package, wanted, scratch))]
    await keep_canadian(db)
    if wanted.overrides is not None:
        await override(db, wanted.overrides)
    return [
        await load(
            db,
            Reading(
                file.package.name,
                file.version,
                file.path,
                READERS[file.package.name],
                _of(file.package, wanted.countries),
            ),
            system_clock(),
            report,
            again=wanted.again,
        )
        for file in files
    ]


async def _file(db: Db, package: Package, wanted: Wanted, scratch: Path) -> Found | None:
    """Return the package's file, or None when nothing is wanted of it: other countries, or all loaded from it once."""
    countries = _of(package, wanted.countries)
    if countries is not None and not countries:
        return None
    try:
        return find(package, wanted.given, scratch)
    except NoPackage:
        if not wanted.again and is_done(countries, await loaded_countries(db, package.name)):
            return None
        raise


def _of(package: Package, countries: frozenset[str] | None) -> frozenset[str] | None:
    """Return the countries wanted of a package, None for all that it has."""
    if countries is None or package.countries is None:
        return countries
    return countries & package.countries


def _packages(names: list[str]) -> tuple[Package, ...]:
    known = {package.name: package for package in PACKAGES}
    for name in names:
        if name not in known:
            message = f"there is no list {name!r}; the lists are {', '.join(known)}"
            raise CannotRun(message)
    return tuple(package for name, package in known.items() if not names or name in names)


def _countries(text: str) -> frozenset[str] | None:
    codes = frozenset(code.strip().upper() for code in text.split(",") if code.strip())
    unknown = codes - country_codes()
    if unknown:
        message = f"--countries: no country has the code {', '.join(sorted(unknown))}"
        raise CannotRun(message)
    return codes or None


@contextmanager
def _reporting() -> Iterator[Report]:
    """Give what tells how far it is: bars on a terminal, else a line now and then, both on the standard error."""
    if not sys.stderr.isatty():
        yield _lines()
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


def _lines() -> Report:
    told = time.monotonic()

    def report(source: str, share: float, read: int) -> None:
        nonlocal told
        if time.monotonic() - told >= SECONDS:
            told = time.monotonic()
            sys.stderr.write(f"{source}: {share:.0%}, {read:,} places\n")

    return report


def _line(loaded: Loaded) -> str:
    name = f"{loaded.source} {loaded.version}"
    if not loaded.country_count:
        return f"{name:<28}loaded before"
    return f"{name:<28}{_counted(loaded.postal_code_count, loaded.country_count)}"


def _counted(codes: int, countries: int) -> str:
    return f"{codes:>9,} postal codes of {countries} {'country' if countries == 1 else 'countries'}"


def _source_line(source: SourceStatus) -> str:
    whole = "whole" if source.is_whole else "in part"
    name = f"{source.source} {source.version}"
    many = _counted(source.postal_code_count, source.country_count)
    return f"{name:<28}{many}, {whole}, {source.loaded_at:%Y-%m-%d %H:%M} UTC"


def _totals(found: Status) -> Iterator[str]:
    yield f"{'postal codes':<28}{found.postal_codes:>9,}"
    yield f"{'  in metro areas':<28}{found.in_metro_areas:>9,}"
    yield f"{'metro areas':<28}{found.metro_areas:>9,}"
    yield f"{'census figures':<28}{found.census:>9,}"
    yield f"{'operator overrides':<28}{found.overrides:>9,}"
