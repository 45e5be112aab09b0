"""Where addresses are: through HTTP, by databases in the shapes of two makers, also one that is replaced meanwhile."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fanfare.kernel.running.settings import BadSettings, Settings
from fanfare.places.geo import city_database
from tests.api import Api
from tests.places import mmdb

GEO = "/api/v1/geo"
NOTHING = dict.fromkeys(("city", "region_name", "latitude", "longitude", "country_name", "postal_code"))
VANCOUVER: dict[str, Any] = {
    "city": {"names": {"en": "Vancouver", "fr": "Vancouver (fr)"}},
    "subdivisions": [{"iso_code": "BC", "names": {"en": "British Columbia"}}],
    "country": {"iso_code": "CA", "names": {"en": "Canada"}},
    "location": {"latitude": 49.25, "longitude": -123.125},
    "postal": {"code": "V6B"},
}
FLAT: dict[str, Any] = {"city": "Leeds", "region": "England", "country": "GB", "lat": "53.75", "lng": "-1.5"}
PLACE_OF_VANCOUVER = {
    "city": "Vancouver",
    "region_name": "British Columbia",
    "latitude": 49.25,
    "longitude": -123.125,
    "country_name": "Canada",
    "postal_code": "V6B",
}


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """A City database that this process reads until the test ends."""
    path = tmp_path / "city.mmdb"
    mmdb.write(path, {"24.48.0.0/16": VANCOUVER, "2a00:23c0::/32": FLAT, "0.0.0.0/8": FLAT, "10.0.0.0/8": FLAT})
    city_database.use(str(path))
    yield path
    city_database.use("")


def gone(file: Path) -> None:
    file.unlink()


async def ask(api: Api, address: str) -> Any:
    return await api.ok(await api.public_get(GEO, ip_address=address))


@pytest.mark.usefixtures("file")
async def test_an_address_is_told_with_every_field(api: Api) -> None:
    assert await ask(api, "24.48.0.1") == PLACE_OF_VANCOUVER
    assert await ask(api, "::ffff:24.48.255.254") == PLACE_OF_VANCOUVER
    flat = {**NOTHING, "city": "Leeds", "region_name": "England", "country_name": "GB"}
    assert await ask(api, "2a00:23c0::7") == {**flat, "latitude": 53.75, "longitude": -1.5}


@pytest.mark.usefixtures("file")
async def test_nothing_is_told_of_others(api: Api) -> None:
    for address in ("24.49.0.1", "2001:4860::8888", "10.1.2.3", "127.0.0.1", "::1", "fe80::1"):
        assert await ask(api, address) == NOTHING, address
    answer = await api.public_get(GEO, ip_address="24.48.0.256")
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, ["ip_address"])


@pytest.mark.usefixtures("file")
async def test_without_an_address_it_is_the_callers(api: Api) -> None:
    assert await api.ok(await api.public_get(GEO)) == NOTHING
    keys = {**api.keys, "X-Real-Ip": "24.48.7.7"}
    assert (await api.client.get(GEO, headers=keys)).json() == PLACE_OF_VANCOUVER
    # A stranger's word on its own address does not count.
    stranger = {"Api-Key": api.keys["Api-Key"], "X-Real-Ip": "24.48.7.7"}
    assert (await api.client.get(GEO, headers=stranger)).json() == NOTHING


async def test_without_a_database_nothing_is_known(api: Api) -> None:
    city_database.use("")
    assert await ask(api, "24.48.0.1") == NOTHING


async def test_a_file_that_takes_its_place_is_read(api: Api, file: Path) -> None:
    assert (await ask(api, "24.48.0.1"))["city"] == "Vancouver"
    mmdb.write(file, {"24.48.0.0/16": FLAT})
    assert (await ask(api, "24.48.0.1"))["city"] == "Leeds"
    # What cannot be read is not taken.
    file.with_suffix(".new").write_bytes(b"half a file")
    file.with_suffix(".new").replace(file)
    assert (await ask(api, "24.48.0.1"))["city"] == "Leeds"
    gone(file)
    assert (await ask(api, "24.48.0.1"))["city"] == "Leeds"


def test_a_file_that_cannot_be_read_is_refused_at_the_start(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(b"no database")
    for path in (broken, tmp_path / "missing.mmdb"):
        with pytest.raises(BadSettings, match="GEOIP_CITY_DB"):
            city_database.use(str(path))
    city_database.use("")
    assert Settings(geoip_city_db="/a/b.mmdb").environment()["GEOIP_CITY_DB"] == "/a/b.mmdb"
