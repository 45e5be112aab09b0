"""Places over HTTP."""

from fanfare.kernel.callers import PUBLIC, Caller
from fanfare.kernel.web.endpoint import endpoint
from fanfare.places.geo import city_database
from fanfare.places.schemas import GeoPlace, InternetAddress


@endpoint.get("/api/v1/geo", scope="misc", key=PUBLIC)
async def geo_lookup(caller: Caller, wanted: InternetAddress) -> GeoPlace:
    """Locate an IP address, by default the caller's own.

    It is read in the City database that the operator has named (GEOIP_CITY_DB). Every field is null without one, for
    an address that is not in it, and for one that is of no public network.
    """
    return await city_database.place(wanted.ip_address, caller.address)
