"""HTTP endpoint of IP address geolocation."""

from fanfare.kernel.callers import PUBLIC, Caller
from fanfare.kernel.web.endpoint import endpoint
from fanfare.places.geo import city_database
from fanfare.places.schemas import GeoPlace, InternetAddress


@endpoint.get("/api/v1/geo", scope="misc", key=PUBLIC)
async def geo_lookup(caller: Caller, params: InternetAddress) -> GeoPlace:
    """Locate an IP address, by default the caller's own.

    The location comes from the City database set by the operator (GEOIP_CITY_DB). Every field is null without one, for
    an address it does not list, and for an address outside the public networks.
    """
    return await city_database.place(params.ip_address, caller.address)
