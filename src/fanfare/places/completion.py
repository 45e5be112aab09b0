"""Completes addresses out of the loaded lists: a postal code tells of city, province, metro area and coordinates."""

from collections.abc import Sequence
from typing import Any

import msgspec

from fanfare.kernel.data.db import Db

# How many characters of a code are its area; and the longest first half of a British one.
FIGURES = {"US": 5, "CA": 3, "NL": 4, "IE": 3}
SHORTEST_WHOLE = 4
# The code as the list folds it, and what stands for it where only the first half is public, or the list has no more.
CODE = "replace(replace({postal_code}, ' ', ''), '-', '')"
HALF = f"""case {{country_code}} when 'US' then left({CODE}, 5) when 'CA' then left({CODE}, 3)
        when 'NL' then left({CODE}, 4) when 'IE' then left({CODE}, 3) when 'GB' then left({CODE}, -3) end"""
# What stands for a code in figures: few enough codes that each has people, and those that a census knows.
AREA = f"""case {{country_code}} when 'US' then left({CODE}, 5) when 'CA' then left({CODE}, 3)
        when 'NL' then left({CODE}, 4) when 'IE' then left({CODE}, 3)
        when 'GB' then case when length({CODE}) > 4 then left({CODE}, -3) else {CODE} end else {CODE} end"""
# Joins the place of an address, in columns that begin with `place_`. An address without a postal code has none.
PLACE = f"""
    left join lateral (
        select p.city as place_city, p.province as place_province, p.metro_area as place_metro_area,
               p.latitude as place_latitude, p.longitude as place_longitude
        from places_postal_codes p
        where p.country_code = {{country_code}} and p.postal_code in ({CODE}, {HALF})
        order by length(p.postal_code) desc limit 1) place on true
"""  # noqa: S608 - fixed parts


def place_of(name: str) -> str:
    """Return the join of the place of an address that stands in the columns of a row of that name."""
    return PLACE.format(country_code=f"{name}.country_code", postal_code=f"{name}.postal_code")


def area_of(name: str) -> str:
    """Return the expression of the postal area of an address that stands in the columns of a row of that name."""
    return AREA.format(country_code=f"{name}.country_code", postal_code=f"{name}.postal_code")


def postal_area(country_code: str, postal_code: str) -> str:
    """Return what `area_of` says in SQL, of a code in capitals and without blanks."""
    code = postal_code.replace("-", "")
    if country_code == "GB":
        return code[:-3] if len(code) > SHORTEST_WHOLE else code
    return code[: FIGURES.get(country_code)]


class PlaceOfCode(msgspec.Struct, frozen=True):
    """What the lists tell of an address; None for what they do not tell."""

    city: str | None = None
    province: str | None = None
    metro_area: str | None = None
    latitude: float | None = None
    longitude: float | None = None


LOOKUP = f"""
    select place_city as city, place_province as province, place_metro_area as metro_area, place_latitude as latitude,
           place_longitude as longitude
    from (select $1::text as country_code, $2::text as postal_code) as given {place_of("given")}
"""  # noqa: S608 - fixed parts


async def known_place(db: Db, country_code: str | None, postal_code: str | None) -> PlaceOfCode:
    """Return what the lists tell of an address in its stored form."""
    if not country_code or not postal_code:
        return PlaceOfCode()
    row = await db.row(LOOKUP, country_code, postal_code)
    return PlaceOfCode(**row) if row else PlaceOfCode()


async def census(db: Db, areas: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what a census says of postal areas, each named by country and code; when it has no figure they lack."""
    rows = await db.rows(
        """
        select c.country_code, c.postal_code, to_jsonb(c) - array['country_code', 'postal_code'] as census
        from unnest($1::text[], $2::text[]) as asked (country_code, postal_code)
        join places_census c on c.country_code = asked.country_code and c.postal_code = asked.postal_code
        """,
        [country_code for country_code, _ in areas],
        [postal_code for _, postal_code in areas],
    )
    return {(row["country_code"], row["postal_code"]): row["census"] for row in rows}
