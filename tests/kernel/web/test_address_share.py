"""An IP address has its part of the connections; beyond it, its own oldest one that waits gives way."""

from collections.abc import Iterator

import pytest

from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.conftest import serving
from tests.kernel.sockets import HOST, Answer, Socket
from tests.kernel.web.test_crowds import posting

GET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
ROOM, PART = 20, 10
ONE, OTHER = "127.0.0.1", "127.0.0.2"


@pytest.fixture(scope="module")
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, http_connections=ROOM, address_share=PART / ROOM)


@pytest.fixture(scope="module")
def proxied_url(settings: Settings) -> Iterator[str]:
    """The address of a server that is told by proxies of ONE who calls."""
    with serving(settings.replace(trusted_proxies=(ONE,))) as url:
        yield url


async def get(client: Socket) -> Answer | None:
    await client.send(GET)
    return await client.answer()


async def test_an_address_with_its_part_gives_up_its_own(base_url: str) -> None:
    early = [await Socket.to(base_url, source=OTHER) for _ in range(PART)]
    assert await get(early[0])
    crowd = [await Socket.to(base_url, source=ONE) for _ in range(3 * ROOM)]
    assert [await each.is_closed() for each in crowd[:-PART]] == [True] * (3 * ROOM - PART)
    for each in (*crowd[-PART:], *early):
        result = await get(each)
        assert result is not None
        assert result.status == 200
        each.close()


async def busy(api: Api, base_url: str, db_: str) -> Socket:
    client = await Socket.to(base_url, source=db_)
    await client.send(posting(api, 10, "Expect: 100-continue\r\n"))
    assert b"100 Continue" in await client.reader.readuntil(b"\r\n\r\n")
    return client


async def test_an_address_that_is_busy_with_all_of_its_part_is_told_so(api: Api, base_url: str) -> None:
    clients = [await busy(api, base_url, OTHER) for _ in range(PART)]
    late = [await Socket.to(base_url, source=OTHER) for _ in range(2 * ROOM)]
    refused = await late[0].answer()
    assert refused is not None
    assert (refused.status, refused.problem["code"]) == (503, "unavailable")
    assert "retry-after" in refused.headers
    another = await Socket.to(base_url, source=ONE)
    result = await get(another)
    assert result is not None
    assert result.status == 200
    # A place that comes free is the address's again.
    clients.pop().close()
    again: Answer | None = None
    while again is None or again.status != 200:
        client = await Socket.to(base_url, source=OTHER)
        again = await get(client)
        client.close()
    for each in (*clients, *late, another):
        each.close()


async def test_proxies_speak_for_many(api: Api, proxied_url: str) -> None:
    clients = [await busy(api, proxied_url, ONE) for _ in range(PART + 5)]
    for each in clients:
        each.close()
