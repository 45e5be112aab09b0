"""Completes addresses from the place tables, which have city, province, metro area and coordinates by postal code."""

from collections.abc import Sequence
from typing import Any

import msgspec

from fanfare.kernel.data.db import Db

# The number of characters of a postal code that form its area, and the maximum length of a British outward code.
AREA_LENGTHS = {"US": 5, "CA": 3, "NL": 4, "IE": 3}
MAX_OUTWARD_LENGTH = 4
# The code as in the tables, and its first part, which is all that some tables have.
CODE = "replace(replace({postal_code}, ' ', ''), '-', '')"
PREFIX = f"""case {{country_code}} when 'US' then left({CODE}, 5) when 'CA' then left({CODE}, 3)
        when 'NL' then left({CODE}, 4) when 'IE' then left({CODE}, 3) when 'GB' then left({CODE}, -3) end"""
# The postal area, by which statistics are grouped and the census is looked up.
AREA = f"""case {{country_code}} when 'US' then left({CODE}, 5) when 'CA' then left({CODE}, 3)
        when 'NL' then left({CODE}, 4) when 'IE' then left({CODE}, 3)
        when 'GB' then case when length({CODE}) > 4 then left({CODE}, -3) else {CODE} end else {CODE} end"""
# Joins the place of an address, in columns with the prefix `place_`; without a postal code nothing is looked up.
PLACE = f"""
    left join lateral (
        select p.city as place_city, p.province as place_province, p.metro_area as place_metro_area,
               p.latitude as place_latitude, p.longitude as place_longitude
        from places_postal_codes p
        where {{postal_code}} is not null and p.country_code = {{country_code}} and p.postal_code in ({CODE}, {PREFIX})
        order by length(p.postal_code) desc limit 1) place on true
"""  # noqa: S608 - fixed parts


def place_of(name: str) -> str:
    """Return the SQL that joins the place of the address in the row with this alias."""
    return PLACE.format(country_code=f"{name}.country_code", postal_code=f"{name}.postal_code")


def area_of(name: str) -> str:
    """Return the SQL expression of the postal area of the address in the row with this alias."""
    return AREA.format(country_code=f"{name}.country_code", postal_code=f"{name}.postal_code")


def postal_area(country_code: str, postal_code: str) -> str:
    """Return the postal area, as `area_of` does in SQL, of a code in upper case and without spaces."""
    code = postal_code.replace("-", "")
    if country_code == "GB":
        return code[:-3] if len(code) > MAX_OUTWARD_LENGTH else code
    return code[: AREA_LENGTHS.get(country_code)]


class Place(msgspec.Struct, frozen=True):
    """The place of a postal code; None for unknown values."""

    city: str | None = None
    province: str | None = None
    metro_area: str | None = None
    latitude: float | None = None
    longitude: float | None = None


LOOKUP = f"""
    select place_city as city, place_province as province, place_metro_area as metro_area, place_latitude as latitude,
           place_longitude as longitude
    from (select $1::text as country_code, $2::text as postal_code) as address {place_of("address")}
"""  # noqa: S608 - fixed parts


async def place_by_code(db: Db, country_code: str | None, postal_code: str | None) -> Place:
    """Return the place of a normalised postal code, empty if unknown."""
    if not country_code or not postal_code:
        return Place()
    row = await db.row(LOOKUP, country_code, postal_code)
    return Place(**row) if row else Place()


async def census(db: Db, areas: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return census figures by (country_code, postal area); areas without figures are left out."""
    rows = await db.rows(
        """
        select c.country_code, c.postal_code, to_jsonb(c) - array['country_code', 'postal_code'] as census
        from unnest($1::text[], $2::text[]) as area (country_code, postal_code)
        join places_census c on c.country_code = area.country_code and c.postal_code = area.postal_code
        """,
        [country_code for country_code, _ in areas],
        [postal_code for _, postal_code in areas],
    )
    return {(row["country_code"], row["postal_code"]): row["census"] for row in rows}


async def positions(db: Db, areas: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return latitude and longitude by (country_code, postal area); unknown areas are left out."""
    rows = await db.rows(
        """
        select p.country_code, p.postal_code, p.latitude, p.longitude
        from unnest($1::text[], $2::text[]) as area (country_code, postal_code)
        join places_postal_codes p on p.country_code = area.country_code and p.postal_code = area.postal_code
        """,
        [country_code for country_code, _ in areas],
        [postal_code for _, postal_code in areas],
    )
    return {(row["country_code"], row["postal_code"]): (row["latitude"], row["longitude"]) for row in rows}
