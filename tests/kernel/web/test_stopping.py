"""A server that stops: calls whose body has arrived are answered, the others are let go at once, and quietly."""

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest
import uvicorn

from fanfare.cli.server import uvicorn_config
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import new_api
from tests.kernel.sockets import Socket
from tests.running import PATIENCE

WAITING = "select count(*) from pg_locks where not granted and relation = 'businesses'::regclass"


@contextmanager
def server(settings: Settings) -> Iterator[tuple[uvicorn.Server, socket.socket, str]]:
    """Run a server in a thread and give it with its address."""
    created = uvicorn.Server(uvicorn_config(settings))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=created.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not created.started:
        time.sleep(0.01)
    try:
        yield created, listener, f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        created.should_exit = True
        thread.join(PATIENCE)


def posting(keys: dict[str, str], body: bytes, *headers: str) -> bytes:
    lines = [*(f"{name}: {value}" for name, value in keys.items()), "Content-Type: application/json", *headers]
    head = "\r\n".join(["POST /api/v1/manage/businesses HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *lines])
    return f"{head}\r\n\r\n".encode()


async def test_a_body_that_is_not_here_holds_no_server_up(
    settings: Settings, db: Db, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.dumps({"business_name": "Half"}).encode()
    with server(settings) as (created, _, url), caplog.at_level(logging.WARNING):
        async with new_api(url, db, "Stopping") as api:
            client = await Socket.to(url)
            await client.send(posting(api.keys, body, "Expect: 100-continue"))
            begun = await client.answer()
            assert begun
            assert begun.status == 100
            await client.send(body[:5])
            created.should_exit = True
            answer = await client.answer()
        assert answer
        assert (answer.status, answer.problem["detail"]) == (503, "the server is stopping")
        client.close()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []


async def test_a_call_that_is_here_is_answered(settings: Settings, db: Db, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    body = json.dumps({"business_name": "Whole"}).encode()
    with server(settings) as (created, listener, url):
        async with new_api(url, db, "Finishing") as api:
            client = await Socket.to(url)
            async with connection.transaction():
                await connection.execute("lock table businesses in access exclusive mode")
                await client.send(posting(api.keys, body) + body)
                while not await connection.fetchval(WAITING):  # noqa: ASYNC110 - the database knows
                    await asyncio.sleep(0.01)
                created.should_exit = True
                while listener.fileno() >= 0:  # noqa: ASYNC110 - closed by another thread
                    await asyncio.sleep(0.01)
            answer = await client.answer()
        assert answer
        assert answer.status == 200
        client.close()
    await connection.close()
