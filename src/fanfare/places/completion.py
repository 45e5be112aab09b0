"""Completes addresses out of the loaded lists: a postal code tells of city, province, metro area and coordinates."""

import msgspec

from fanfare.kernel.db import Db

# The code as the list folds it, and what stands for it where only the first half is public, or the list has no more.
WHOLE = "replace(replace(upper({postal_code}), ' ', ''), '-', '')"
HALF = f"""case {{country_code}} when 'US' then left({WHOLE}, 5) when 'CA' then left({WHOLE}, 3)
        when 'NL' then left({WHOLE}, 4) when 'IE' then left({WHOLE}, 3) when 'GB' then left({WHOLE}, -3) end"""
# Joins the place of an address, in columns that begin with `place_`. An address without a postal code has none.
PLACE = f"""
    left join lateral (
        select p.city as place_city, p.province as place_province, p.metro_area as place_metro_area,
               p.latitude as place_latitude, p.longitude as place_longitude
        from places_postal_codes p
        where p.country_code = {{country_code}} and p.postal_code in ({WHOLE}, {HALF})
        order by length(p.postal_code) desc limit 1) place on true
"""  # noqa: S608 - fixed parts


def place_of(name: str) -> str:
    """Return the join of the place of an address that stands in the columns of a row of that name."""
    return PLACE.format(country_code=f"{name}.country_code", postal_code=f"{name}.postal_code")


class Place(msgspec.Struct, frozen=True):
    """What the lists tell of an address; None for what they do not tell."""

    city: str | None = None
    province: str | None = None
    metro_area: str | None = None
    latitude: float | None = None
    longitude: float | None = None


FOUND = f"""
    select place_city as city, place_province as province, place_metro_area as metro_area, place_latitude as latitude,
           place_longitude as longitude
    from (select $1::text as country_code, $2::text as postal_code) as given {place_of("given")}
"""  # noqa: S608 - fixed parts


async def known_place(db: Db, country_code: str | None, postal_code: str | None) -> Place:
    """Return what the lists tell of an address in its stored form."""
    if not country_code or not postal_code:
        return Place()
    row = await db.row(FOUND, country_code, postal_code)
    return Place(**row) if row else Place()
