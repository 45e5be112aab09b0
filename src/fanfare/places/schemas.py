"""Shapes of places."""

from typing import Annotated

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Address


class InternetAddress(Params):
    """Which address of the internet."""

    ip_address: Annotated[Address | None, "IPv4 or IPv6 address; the caller's when left out."] = None


class GeoPlace(msgspec.Struct):
    """Where an address of the internet is thought to be; null what is not known. Coordinates are in degrees."""

    city: str | None = None
    region_name: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    country_name: str | None = None
    postal_code: str | None = None
