"""Reads what is loaded of the lists of places."""

from datetime import datetime

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.places.loading.packages import PACKAGES
from fanfare.places.schemas import PlaceList, PlaceLists

# Recorded as the country of a list that was read to its end.
COMPLETE = "*"


class SourceStatus(msgspec.Struct, frozen=True):
    """What was loaded of a list in one version; `is_whole` if it was read to its end."""

    source: str
    version: str
    country_count: int
    postal_code_count: int
    is_whole: bool
    loaded_at: datetime


class Status(msgspec.Struct, frozen=True):
    """What was loaded of each list, and the numbers of rows."""

    sources: list[SourceStatus]
    postal_codes: int
    in_metro_areas: int
    metro_areas: int
    census: int
    overrides: int


async def status(db: Db) -> Status:
    """Return what was loaded of each list, and the numbers of rows."""
    loads = await db.rows(
        """
        select source, version, count(*) filter (where country_code <> $1) as country_count,
               coalesce(sum(row_count) filter (where country_code <> $1), 0)::bigint as postal_code_count,
               bool_or(country_code = $1) as is_whole, max(loaded_at) as loaded_at
        from places_loads group by source, version order by source, version
        """,
        COMPLETE,
    )
    totals = await db.rows(
        """
        select (select count(*) from places_postal_codes) as postal_codes,
               (select count(*) from places_postal_codes where metro_area is not null) as in_metro_areas,
               (select count(*) from places_metro_areas) as metro_areas,
               (select count(*) from places_census) as census,
               (select count(*) from places_metro_overrides) as overrides
        """
    )
    return Status([SourceStatus(**row) for row in loads], **totals[0])


async def place_lists(db: Db) -> PlaceLists:
    """Return every list with what is loaded of it, also those of which nothing is."""
    report = await status(db)
    names = {each.source for each in report.sources}
    lists = [
        PlaceList(
            each.source, each.version, each.country_count, each.postal_code_count, each.is_whole,
            int(each.loaded_at.timestamp()),
        )
        for each in report.sources
    ]  # fmt: skip
    missing = [each.name for each in PACKAGES if each.name not in names]
    lists += [PlaceList(name, None, 0, 0, is_whole=False, load_timestamp=None) for name in missing]
    return PlaceLists(lists, report.postal_codes, report.in_metro_areas, report.metro_areas, report.census)
