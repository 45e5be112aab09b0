"""Two server processes on one database: a change made at one counts at the other; and each ends in order."""

import asyncio
import json
import os
import signal
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from fanfare.accounts import actions
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.handovers import READY, SOCKET
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.kernel.sockets import Socket
from tests.kernel.web.test_stopping import WAITING, posting
from tests.running import Program
from tests.waits import until

MANAGE = "/api/v1/manage"
SERVER = [sys.executable, "-P", "-m", "fanfare.cli.server"]


class Server(Program):
    """A server process, on a socket of its own or on one that it shares."""

    def __init__(self, settings: Settings, shared: socket.socket | None = None) -> None:
        context = nullcontext(shared) if shared else socket.create_server(("127.0.0.1", 0), backlog=128)
        with context as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            ready, writer = os.pipe()
            fds = {SOCKET: str(listener.fileno()), READY: str(writer)}
            self.pass_fds = (listener.fileno(), writer)
            super().__init__(SERVER, **settings.environment(), **fds)
        os.close(writer)
        assert os.read(ready, 1) == b"1", self.errors
        os.close(ready)


@pytest.fixture(scope="module")
def base_url(settings: Settings) -> Iterator[str]:
    with Server(settings) as server:
        yield server.url


@pytest.fixture(scope="module")
async def second(settings: Settings, api: Api) -> Any:
    """The same account at another process."""
    with Server(settings) as server:
        async with type(api.client)(base_url=server.url, timeout=api.client.timeout) as client:
            yield Api(client, api.account_id, uuid.UUID(api.keys["Api-Key"]), api.keys["Api-Secret"])


async def test_fields_changed_at_one_server_are_changed_at_the_other(api: Api, second: Api) -> None:
    for kind, value in (("text", "yes"), ("number", 7)):
        assert "shoe" not in str(await second.ok(await second.get("/api/v1/crm/fields")))
        await api.ok(await api.post(f"{MANAGE}/fields", crm_field_key="shoe", field_type=kind))
        fan_id = (await second.ok(await second.post("/api/v1/crm/fans", email="shoe@example.com", field_shoe=value)))[
            "fan_id"
        ]
        assert (await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}")))["field_values"] == {"shoe": value}
        await api.ok(await api.delete(f"{MANAGE}/fields/shoe"))


async def test_words_changed_at_one_server_are_changed_at_the_other(api: Api, second: Api) -> None:
    async def is_accepted() -> bool:
        answer = await second.get("/api/v1/crm/display_name", display_name="Zebrafink")
        assert answer.status_code in (200, 422)
        return answer.status_code == 200

    for _ in range(3):
        assert await is_accepted()
        await api.ok(await api.post(f"{MANAGE}/display_name_words", word="zebrafink", is_allowed=False))
        assert not await is_accepted()
        await api.ok(await api.delete(f"{MANAGE}/display_name_words", word="zebrafink"))


async def test_filters_changed_at_one_server_are_changed_at_the_other(api: Api, second: Api) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="here@example.com", province="YT")))["fan_id"]
    uid = (await api.ok(await api.post(f"{MANAGE}/filters", filter_name="Here", fan_provinces=["YT"])))["filter_uid"]

    async def fan_ids() -> list[int]:
        answer = await second.ok(await second.get("/api/v1/crm/fans", fan_incl_segments=f"filter:{uid}"))
        return [each["fan_id"] for each in answer["data"]]

    assert await fan_ids() == [fan_id]
    await api.ok(await api.post(f"{MANAGE}/filters/{uid}/criteria", fan_provinces=["NU"]))
    assert await fan_ids() == []


async def test_a_key_revoked_at_one_server_soon_opens_nothing_at_the_other(api: Api, second: Api, db: Db) -> None:
    key = await actions.create_key(db, api.account_id, ["apps"], datetime.now(UTC))
    keys = {"Api-Key": str(key.api_key)}

    async def is_refused() -> bool:
        return (await second.client.get("/api/v1/businesses", headers=keys)).status_code == 401

    assert not await is_refused()
    await actions.revoke_key(db, api.account_id, key.api_key, datetime.now(UTC))
    await until(is_refused)


async def test_a_server_starts_on_a_shared_socket_without_blocking_the_others(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, Server(settings, listener):
        modes = {os.get_blocking(listener.fileno())}
        start = asyncio.create_task(asyncio.to_thread(Server, settings, listener))
        while not start.done():
            # Otherwise the first server, woken by a new connection that another one takes, waits in `accept`.
            modes.add(os.get_blocking(listener.fileno()))
            await asyncio.sleep(0.001)
        with await start:
            assert modes == {False}


async def test_a_server_that_is_told_to_stop_finishes_calls_and_refuses_half_uploads(
    settings: Settings, api: Api, db: Db, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    complete, half = (json.dumps({"business_name": each}).encode() for each in ("Complete", "Half"))
    with Server(settings) as server:
        caller, uploader, idle = [await Socket.to(server.url) for _ in range(3)]
        await idle.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await idle.answer()
        async with connection.transaction():
            await connection.execute("lock table businesses in access exclusive mode")
            await caller.send(posting(api.keys, complete) + complete)
            await until(lambda: connection.fetchval(WAITING))
            await uploader.send(posting(api.keys, half, "Expect: 100-continue"))
            begun = await uploader.answer()
            assert (begun and begun.status) == 100
            await uploader.send(half[:5])
            server.process.terminate()
            refused = await uploader.answer()
            assert refused
            assert (refused.status, refused.problem["detail"]) == (503, "the server is stopping")
            assert await idle.is_closed()
        answer = await caller.answer()
        assert (answer and answer.status) == 200
        assert await asyncio.to_thread(server.wait) == -signal.SIGTERM, server.errors
    names = await db.rows("select business_name from businesses where account_id = $1", api.account_id)
    assert [row["business_name"] for row in names] == ["Complete"]
    await connection.close()
