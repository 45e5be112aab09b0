"""Geolocation of IP addresses with a City database in MaxMind's format.

The database is the operator's file, else that of the extra `geoip`, else there is none. Each process maps the file into
memory and reopens it when it was replaced.
"""

import asyncio
import ipaddress
import os
import threading
from collections.abc import Mapping
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import Any, Protocol

import maxminddb
import structlog

from fanfare.kernel.running.settings import BadSettings
from fanfare.places.schemas import GeoPlace

log = structlog.get_logger()
# The package of the extra, and its database.
PACKAGE, BUNDLED = "detector", "data/dbip-city-lite.mmdb.bz"
LANGUAGE = "en"


class Reader(Protocol):
    """Reads a database; `get` returns the record of an address, or None."""

    def get(self, ip_address: str) -> Any:  # noqa: ANN401, D102 - as the packages have it
        ...


class CityDatabase:
    """A database of cities, opened once per process; empty until `use` is called."""

    def __init__(self) -> None:
        self._path = ""
        self._file_id: tuple[int, int, int] | None = None
        self._reader: Reader | None = None
        self._lock = threading.Lock()

    def use(self, path: str) -> None:
        """Open the operator's file or, without a path, the extra's. Raises BadSettings."""
        self._path, self._file_id, self._reader = path, None, None
        if path:
            try:
                self._open()
            except (OSError, maxminddb.InvalidDatabaseError) as error:
                message = f"GEOIP_CITY_DB cannot be read: {error}"
                raise BadSettings(message) from None
        elif find_spec(PACKAGE):
            self._reader = _open_bundled()

    async def place(self, request: str | None, caller_address: str | None) -> GeoPlace:
        """Return the location of an address, by default the caller's; unknown fields are None."""
        address = request or caller_address
        if address is None or not ipaddress.ip_address(address).is_global:
            return GeoPlace()
        # In a thread, since pages of the file that are not in memory are read from disk.
        return _place(await asyncio.to_thread(self._record, address))

    def _record(self, address: str) -> Mapping[str, Any]:
        try:
            with self._lock:
                self._refresh()
                record = self._reader.get(address) if self._reader else None
        except ValueError:
            # An IPv6 address in an IPv4 database.
            return {}
        except maxminddb.InvalidDatabaseError:
            log.warning("a record of GEOIP_CITY_DB cannot be read")
            return {}
        return record if isinstance(record, Mapping) else {}

    def _refresh(self) -> None:
        """Reopen the file if it was replaced; keep the old one open if the new one cannot be read."""
        try:
            if self._path and _file_id(self._path) != self._file_id:
                self._open()
        except (OSError, maxminddb.InvalidDatabaseError):
            log.warning("GEOIP_CITY_DB was replaced by a file that cannot be read")

    def _open(self) -> None:
        self._file_id = _file_id(self._path)
        self._reader = maxminddb.open_database(self._path, maxminddb.MODE_AUTO)


def _file_id(path: str) -> tuple[int, int, int]:
    stat = os.stat(path)  # noqa: PTH116 - at each lookup, and a Path takes twice as long
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _open_bundled() -> Reader:
    reader: Reader = import_module(f"{PACKAGE}.mmdb_lazy").open_lazy(str(files(PACKAGE).joinpath(BUNDLED)))
    return reader


def _place(record: Mapping[str, Any]) -> GeoPlace:
    """Return the location of a record, nested as in MaxMind's databases or flat as in others."""
    regions, location, postal = (record.get(name) for name in ("subdivisions", "location", "postal"))
    region = regions[0] if isinstance(regions, list) and regions else record.get("region", record.get("state1"))
    point = location if isinstance(location, Mapping) else record
    return GeoPlace(
        city=_name(record.get("city")),
        region_name=_name(region),
        latitude=_degrees(point.get("latitude", point.get("lat"))),
        longitude=_degrees(point.get("longitude", point.get("lng"))),
        country_name=_name(record.get("country")) or _name(record.get("country_name")),
        postal_code=_name(postal.get("code") if isinstance(postal, Mapping) else record.get("postal_code", postal)),
    )


def _name(value: object) -> str | None:
    """Return a name, from a mapping by language or a plain text."""
    if isinstance(value, Mapping):
        names = value.get("names")
        value = names.get(LANGUAGE) if isinstance(names, Mapping) else value.get("name")
    return value if isinstance(value, str) and value else None


def _degrees(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except ValueError:
        return None


# The instance of this process; `use` is called when the application is built.
city_database = CityDatabase()
