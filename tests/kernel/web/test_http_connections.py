"""What a connection may hold up: its time, its bytes, its place."""

import asyncio
import random
import re
import socket
import string
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.kernel.sockets import HOST, Answer, Socket
from tests.running import PATIENCE

GET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture(scope="module")
def settings(database_url: str) -> Settings:
    """Times so short that a test can wait for their end, which it does by reading until the server closes."""
    return Settings(
        database_url=database_url,
        head_seconds=1,
        body_seconds=1,
        answer_seconds=1,
        keep_alive_seconds=1,
    )


def posting(api: Api, *headers: str, path: str = "/api/v1/manage/businesses") -> bytes:
    lines = [*(f"{name}: {value}" for name, value in api.keys.items()), *headers]
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{''.join(line + chr(13) + chr(10) for line in lines)}\r\n".encode()


async def trickle(client: Socket, byte: bytes) -> None:
    """Send a byte now and then, until the server closes or the test does."""
    while True:
        await client.send(byte)
        await asyncio.sleep(0.05)


async def trickled(client: Socket, byte: bytes) -> Answer | None:
    task = asyncio.create_task(trickle(client, byte))
    try:
        return await client.answer()
    finally:
        task.cancel()


async def test_a_head_that_does_not_end_is_given_up(base_url: str) -> None:
    client = await Socket.to(base_url)
    await client.send(GET[:-2] + b"a: ")
    result = await trickled(client, b"a")
    assert result is not None
    assert result.status == 408
    assert result.problem["code"] == "too_slow"
    assert await client.is_closed()


async def test_a_second_head_that_does_not_end_is_given_up(base_url: str) -> None:
    client = await Socket.to(base_url)
    await client.send(GET + GET[:-2])
    assert [each and each.status for each in [await client.answer(), await client.answer()]] == [200, 408]
    assert await client.is_closed()


async def test_a_body_that_does_not_end_is_given_up(api: Api, base_url: str, db: Db) -> None:
    old = await db.value("select count(*) from businesses where account_id = $1", api.account_id)
    for header, first, byte in (
        ("Content-Length: 1000", b'{"business_name":"', b"a"),
        ("Transfer-Encoding: chunked", b"400\r\n", b"a"),
        ("Transfer-Encoding: chunked", b"", b"1\r\na\r\n"),
    ):
        client = await Socket.to(base_url)
        await client.send(posting(api, "Content-Type: application/json", header) + first)
        result = await trickled(client, byte)
        assert result is not None
        assert result.status == 408
        assert result.problem["code"] == "too_slow"
        assert await client.is_closed()
    assert await db.value("select count(*) from businesses where account_id = $1", api.account_id) == old


async def test_silence_is_given_up_without_a_word(base_url: str) -> None:
    new, used = await Socket.to(base_url), await Socket.to(base_url)
    await used.send(GET)
    assert await used.answer()
    assert await new.is_closed()
    assert await used.is_closed()


async def test_an_answer_that_is_not_read_is_given_up(api: Api, base_url: str) -> None:
    terms = "".join(random.Random(1).choices(string.ascii_letters, k=190_000))
    await api.ok(await api.post("/api/v1/manage/businesses", business_name="Long", legal_terms=terms))
    ask = f"GET /api/v1/businesses HTTP/1.1\r\nHost: x\r\nApi-Key: {api.keys['Api-Key']}\r\n\r\n".encode()
    address = urlsplit(base_url)
    old = await ended(api, "answer not read")
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as silent:
        silent.sendall(ask * 100)
        async with asyncio.timeout(PATIENCE):
            while await ended(api, "answer not read") == old:  # noqa: ASYNC110 - another process could be the server
                await asyncio.sleep(0.1)


async def test_an_answer_that_is_read_ever_so_slowly_is_given_up(api: Api, base_url: str) -> None:
    terms = "".join(random.Random(2).choices(string.ascii_letters, k=190_000))
    for number in range(10):
        await api.ok(await api.post("/api/v1/manage/businesses", business_name=f"Slow {number}", legal_terms=terms))
    ask = f"GET /api/v1/businesses HTTP/1.1\r\nHost: x\r\nApi-Key: {api.keys['Api-Key']}\r\n\r\n".encode()
    address = urlsplit(base_url)
    old = await ended(api, "answer not read")
    with socket.socket() as slow:
        # So small that the system takes in next to nothing for a caller who does not.
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((str(address.hostname), int(address.port or 0)))
        slow.setblocking(False)  # noqa: FBT003 - socket's signature
        slow.send(ask)
        size = 0
        async with asyncio.timeout(PATIENCE):
            while await ended(api, "answer not read") == old:
                await asyncio.sleep(0.1)
                with suppress(BlockingIOError):
                    size += len(slow.recv(64 * 1024))
    assert 0 < size < 10 * len(terms)


async def ended(api: Api, why: str) -> float:
    """Return how many connections the server has ended for that reason."""
    figures = (await api.client.get("/metrics")).text
    match = re.search(rf'fanfare_http_connections_ended_total{{why="{why}"}} (\S+)', figures)
    return float(match[1]) if match else 0
