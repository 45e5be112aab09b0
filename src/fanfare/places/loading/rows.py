"""The row of a postal code, and the normalisation of its columns."""

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fanfare.kernel.errors import CannotRun
from fanfare.places.provinces import normalized_province
from fanfare.places.spelling import tidy

# The census columns of the table, in the order of `PlaceRow.census`.
CENSUS = (
    "census_year",
    "population",
    "population_per_km2",
    "households",
    "household_size",
    "median_age",
    "share_under_18",
    "share_18_to_24",
    "share_65_and_over",
    "median_household_income",
    "share_below_poverty",
    "share_employed",
    "share_bachelor_or_higher",
    "share_in_college",
    "share_with_children",
    "share_owner_occupied",
    "median_home_value",
    "share_without_car",
    "commute_minutes",
)
NO_CENSUS: tuple[None, ...] = (None,) * len(CENSUS)
LATITUDES, LONGITUDES = 90, 180


class BadFile(CannotRun):
    """A list cannot be read; the message names the file, the line and the error"""

    def __init__(self, path: Path, place: str, reason: object) -> None:
        super().__init__(f"{path.name}, {place}: {reason}")


class PlaceRow(NamedTuple):
    """A postal code; `accuracy` is from 0 (estimated) to 6 (centroid of its addresses)."""

    country_code: str
    postal_code: str
    city: str | None
    province: str | None
    latitude: float
    longitude: float
    accuracy: int = 0
    metro_area: str | None = None
    census: tuple[object, ...] = NO_CENSUS


def folded(postal_code: str) -> str:
    """Return a postal code in upper case without spaces and hyphens. Raises ValueError if it is empty."""
    code = re.sub(r"[\s-]", "", postal_code.upper())
    if not code:
        message = "no postal code"
        raise ValueError(message)
    return code


def coordinates(latitude: float, longitude: float) -> tuple[float, float]:
    """Return the coordinates in degrees. Raises ValueError if they are out of range."""
    if not (abs(latitude) <= LATITUDES and abs(longitude) <= LONGITUDES):
        message = f"not a position on the globe: {latitude}, {longitude}"
        raise ValueError(message)
    return latitude, longitude


@lru_cache(maxsize=4096)
def province_of(country: str, text: str | None) -> str | None:
    """Return the province as in fans.province, or None if it is invalid."""
    try:
        return normalized_province(country, text and text.removesuffix(" Territory"))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def city_of(text: str | None) -> str | None:
    """Return the name of a city without additions in brackets, or None if it is empty or invalid."""
    try:
        return tidy(re.sub(r"\s*\(.*", "", text or ""))
    except ValueError:
        return None
