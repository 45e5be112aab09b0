"""More connections than there is room for, and more bytes: the oldest that wait give way, so that others are served."""

import asyncio
import json
import random
import string

import pytest

from fanfare.kernel.running.settings import Settings
from fanfare.kernel.web.server.connections import MAX_BUFFERED_BYTES, MAX_UNSENT_BYTES
from tests.api import Api
from tests.kernel.sockets import HOST, Answer, Socket
from tests.running import PATIENCE

GET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
LARGE = 10
ROOM = 100


@pytest.fixture(scope="module")
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, http_connections=ROOM, address_share=1)


def posting(api: Api, length: int, extra: str = "") -> bytes:
    keys = "".join(f"{name}: {value}\r\n" for name, value in api.keys.items())
    head = f"POST /api/v1/manage/businesses HTTP/1.1\r\nHost: x\r\n{keys}{extra}Content-Length: {length}\r\n\r\n"
    return head.encode()


async def get(client: Socket) -> Answer | None:
    await client.send(GET)
    return await client.answer()


@pytest.mark.parametrize("begun", [b"", GET[:-2]], ids=["silent", "half a head"])
async def test_new_callers_are_served_in_place_of_the_oldest_that_wait(api: Api, base_url: str, begun: bytes) -> None:
    body = json.dumps({"business_name": f"Busy {len(begun)}"}).encode()
    busy = await Socket.to(base_url)
    await busy.send(posting(api, len(body)) + body[:-1])
    crowd = []
    for _ in range(3 * ROOM):
        crowd.append(await Socket.to(base_url))
        await crowd[-1].send(begun)
        if len(crowd) % 50 == 0:
            client = await Socket.to(base_url)
            assert await get(client) is not None
            client.close()
    assert await crowd[0].is_closed()
    await crowd[-1].send(GET if not begun else b"\r\n")
    assert await crowd[-1].answer() is not None
    await busy.send(body[-1:])
    response = await busy.answer()
    assert response is not None
    assert response.status == 200
    for each in (*crowd, busy):
        each.close()


async def test_where_all_are_busy_a_new_caller_is_told_so(api: Api, base_url: str) -> None:
    busy = [await Socket.to(base_url) for _ in range(ROOM)]
    for each in busy:
        await each.send(posting(api, 10, "Expect: 100-continue\r\n"))
        assert b"100 Continue" in await each.reader.readuntil(b"\r\n\r\n")
    late = await Socket.to(base_url)
    response = await late.answer()
    assert response is not None
    assert response.status == 503
    assert response.problem["code"] == "unavailable"
    assert "retry-after" in response.headers
    for each in busy:
        each.close()


async def test_bodies_that_arrive_slowly_hold_only_so_much(api: Api, base_url: str) -> None:
    length = 1_000_000
    crowd = []
    for _ in range(MAX_BUFFERED_BYTES // length + 5):
        crowd.append(await Socket.to(base_url))
        await crowd[-1].send(posting(api, length) + b"a" * (length - 1))
    response = await crowd[0].answer()
    assert response is not None
    assert response.status == 503
    await crowd[-1].send(b"a")
    last = await crowd[-1].answer()
    assert last is not None
    assert last.status == 422
    for each in crowd:
        each.close()


async def test_answers_that_nobody_reads_hold_only_so_much(api: Api, base_url: str) -> None:
    terms = "".join(random.Random(1).choices(string.ascii_letters, k=190_000))
    for number in range(LARGE):
        await api.ok(await api.post("/api/v1/manage/businesses", business_name=f"Long {number}", legal_terms=terms))
    ask = f"GET /api/v1/businesses HTTP/1.1\r\nHost: x\r\nApi-Key: {api.keys['Api-Key']}\r\n\r\n".encode()
    crowd = []
    for _ in range(2 * MAX_UNSENT_BYTES // (LARGE * len(terms))):
        crowd.append(await Socket.to(base_url, window=4096))
        await crowd[-1].send(ask)
        # The answer has begun, so that each is older than the next.
        await crowd[-1].reader.readuntil(b"HTTP/1.1 200 OK")
    oldest, youngest = crowd[0], crowd[-1]
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await rest_of(oldest)
    assert terms in await rest_of(youngest)
    for each in crowd:
        each.close()


async def rest_of(client: Socket) -> str:
    """Return an answer whose first line is read."""
    async with asyncio.timeout(PATIENCE):
        head = (await client.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        return (await client.reader.readexactly(length)).decode()
