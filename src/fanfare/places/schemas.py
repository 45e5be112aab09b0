"""Schemas of places."""

from typing import Annotated

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Address, Form, text_of
from fanfare.places.countries import country_code

LONGEST_COUNTRY = 128


class CountryForm(Form):
    """A country by its code or a common name, parsed to its two-letter code."""

    def read(self, raw: object) -> str:
        """Return the code; ValueError for an unknown country."""
        code = country_code(text_of(raw)[: LONGEST_COUNTRY + 1])
        if code is None:
            message = "must be a country: a two-letter code such as CA, or its English name"
            raise ValueError(message)
        return code

    def schema(self) -> dict[str, object]:
        """Describe the country."""
        return {"type": "string", "maxLength": LONGEST_COUNTRY}


CountryCode = Annotated[str, CountryForm()]


class InternetAddress(Params):
    """The IP address to locate."""

    ip_address: Annotated[Address | None, "IPv4 or IPv6 address; the caller's when left out."] = None


class GeoPlace(msgspec.Struct):
    """Estimated location of an IP address; unknown fields are null. Coordinates are in degrees."""

    city: str | None = None
    region_name: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    country_name: str | None = None
    postal_code: str | None = None


class PlaceList(msgspec.Struct):
    """A list of places: what is loaded of it, null and 0 if nothing. is_whole: all of its countries were asked for.

    load_timestamp is in unix seconds.
    """

    source: str
    version: str | None
    country_count: int
    postal_code_count: int
    is_whole: bool
    load_timestamp: int | None


class PlaceLists(msgspec.Struct):
    """The lists of places of this server, which all accounts share, and the numbers of rows."""

    lists: list[PlaceList]
    postal_code_count: int
    in_metro_area_count: int
    metro_area_count: int
    census_count: int
