"""Metro areas: the bundled list of Canada's, and the operator's for any country."""

import csv
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from fanfare.kernel.data.db import Db
from fanfare.places.countries import country_codes
from fanfare.places.loading.rows import BadFile, folded
from fanfare.places.spelling import tidy

COLUMNS = ("country_code", "postal_code", "metro_area")
NUMBERS = ("latitude", "longitude", "reach_km")


class Override(NamedTuple):
    """Assigns the postal codes of a country with this prefix to a metro area."""

    country_code: str
    postal_prefix: str
    metro_area: str


async def store_canadian(db: Db) -> None:
    """Store this version's centres and radii of Canada's metro areas."""
    lines = files("fanfare.places").joinpath("data", "canadian_metro_areas.csv").read_text("utf-8").splitlines()
    await db.executemany(
        """
        insert into places_metro_areas (country_code, metro_area, latitude, longitude, reach_km)
        values ($1, $2, $3, $4, $5)
        on conflict (country_code, metro_area) do update set
            latitude = excluded.latitude, longitude = excluded.longitude, reach_km = excluded.reach_km
        """,
        [
            (
                row["country_code"],
                row["metro_area"],
                *(float(row[name]) for name in ("latitude", "longitude", "reach_km")),
            )
            for row in csv.DictReader(lines)
        ],
    )


def read_overrides(path: Path) -> list[Override]:
    """Read an operator's file: CSV with the columns country_code, postal_code (or its prefix) and metro_area.

    Raises BadFile with the line number.
    """
    overrides: dict[tuple[str, str], tuple[int, str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not set(COLUMNS) <= set(rows.fieldnames or ()):
                raise BadFile(path, "line 1", f"the columns must be {', '.join(COLUMNS)}")
            for row in rows:
                override = _override(path, rows.line_num, row)
                line, metro_area = overrides.setdefault(override[:2], (rows.line_num, override.metro_area))
                if metro_area != override.metro_area:
                    raise BadFile(path, f"line {rows.line_num}", f"line {line} says {metro_area} of the same codes")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(path, "cannot be read", error) from error
    return [Override(*key, metro_area) for key, (_, metro_area) in overrides.items()]


def _override(path: Path, line: int, row: dict[str, str | None]) -> Override:
    country = (row["country_code"] or "").strip().upper()
    if country not in country_codes():
        raise BadFile(path, f"line {line}", "country_code must be a country's two letters, such as CA")
    try:
        prefix, metro_area = folded(row["postal_code"] or ""), tidy(row["metro_area"])
    except ValueError as error:
        raise BadFile(path, f"line {line}", error) from error
    if metro_area is None:
        raise BadFile(path, f"line {line}", "no metro_area")
    return Override(country, prefix, metro_area)


async def replace_overrides(db: Db, overrides: list[Override]) -> int:
    """Replace all overrides, and return the number of postal codes that change."""
    async with db.transaction() as tx:
        old = await tx.rows("select distinct country_code from places_metro_overrides")
        await tx.execute("delete from places_metro_overrides")
        async with tx.connection() as connection:
            await connection.copy_records_to_table(
                "places_metro_overrides", records=overrides, columns=Override._fields
            )
        countries = {row["country_code"] for row in old} | {each.country_code for each in overrides}
        count = 0
        for country in sorted(countries):
            count += await apply_overrides(tx, country)
            await compute_centres(tx, country)
    return count


async def apply_overrides(db: Db, country: str) -> int:
    """Apply the overrides to a country's postal codes, the longest prefix first; return the number that change."""
    command_tag = await db.execute(
        """
        with lengths as materialized (
            select distinct length(postal_prefix) as length from places_metro_overrides where country_code = $1
        ), matches as (
            select distinct on (p.postal_code) p.postal_code, o.metro_area
            from places_postal_codes p
            cross join lengths l
            join places_metro_overrides o
              on o.country_code = p.country_code and o.postal_prefix = left(p.postal_code, l.length)
            where p.country_code = $1
            order by p.postal_code, length(o.postal_prefix) desc
        ), updates as (
            select p.postal_code, m.metro_area
            from places_postal_codes p left join matches m on m.postal_code = p.postal_code
            where p.country_code = $1 and p.operator_metro_area is distinct from m.metro_area
        )
        update places_postal_codes p set operator_metro_area = c.metro_area
        from updates c
        where p.country_code = $1 and p.postal_code = c.postal_code
        """,
        country,
    )
    return int(command_tag.rsplit(" ", 1)[-1])


async def compute_centres(db: Db, country: str) -> None:
    """Set the centre of each metro area of a country to the mean of its postal codes, except for bundled ones."""
    await db.execute(
        """
        insert into places_metro_areas as m (country_code, metro_area, latitude, longitude)
        select country_code, metro_area, avg(latitude), avg(longitude)
        from places_postal_codes where country_code = $1 and metro_area is not null
        group by country_code, metro_area
        on conflict (country_code, metro_area) do update set
            latitude = excluded.latitude, longitude = excluded.longitude
        where m.reach_km is null
        """,
        country,
    )
