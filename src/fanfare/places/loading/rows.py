"""What a list says of a postal code, in the form that the tables keep."""

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fanfare.kernel.errors import CannotRun
from fanfare.places.provinces import province_kept
from fanfare.places.spelling import tidy

# The census columns of the table, in the order of `Place.census`.
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
SILENT: tuple[None, ...] = (None,) * len(CENSUS)
LATITUDES, LONGITUDES = 90, 180


class BadFile(CannotRun):
    """A list cannot be read; the message names the file, the line and what is wrong"""

    def __init__(self, path: Path, place: str, reason: object) -> None:
        """Take the file, the line or row in it, and what is wrong there."""
        super().__init__(f"{path.name}, {place}: {reason}")


class PlaceRow(NamedTuple):
    """A postal code; `accuracy` goes from 0 (a guess) to 6 (the middle of its addresses)."""

    country_code: str
    postal_code: str
    city: str | None
    province: str | None
    latitude: float
    longitude: float
    accuracy: int = 0
    metro_area: str | None = None
    census: tuple[object, ...] = SILENT


def folded(postal_code: str) -> str:
    """Return a postal code in upper case without blanks and hyphens. Raises ValueError when nothing is left."""
    code = re.sub(r"[\s-]", "", postal_code.upper())
    if not code:
        message = "no postal code"
        raise ValueError(message)
    return code


def coordinates(latitude: float, longitude: float) -> tuple[float, float]:
    """Return the point. Raises ValueError when it is not on the globe."""
    if not (abs(latitude) <= LATITUDES and abs(longitude) <= LONGITUDES):
        message = f"not a position on the globe: {latitude}, {longitude}"
        raise ValueError(message)
    return latitude, longitude


@lru_cache(maxsize=4096)
def province_of(country: str, text: str | None) -> str | None:
    """Return a province in the form of fans.province, or None for what no fan's address can have."""
    try:
        return province_kept(country, text and text.removesuffix(" Territory"))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def city_of(text: str | None) -> str | None:
    """Return the name of a city without what lists add in brackets, or None when none is left."""
    try:
        return tidy(re.sub(r"\s*\(.*", "", text or ""))
    except ValueError:
        return None
