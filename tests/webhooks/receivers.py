"""An endpoint of a customer, a real server: what it got, and what it answers."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

from fanfare.kernel.data.db import Db
from fanfare.webhooks.actions.following import follow
from fanfare.webhooks.actions.sending import sender
from tests.api import Api

PATH = "/api/v1/manage/webhooks"


class Call(NamedTuple):
    """A request that arrived, and the connection on which it did."""

    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed(self, secret: str) -> bool:
        """Verify as a receiver does, without our code."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = f"{self.message_id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return f"v1,{signature}" in self.headers["webhook-signature"].split()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def response(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


Answer = Callable[[Call], Awaitable[bytes | None]]


class Receiver:
    """What arrived; `answer` returns the bytes to answer with, None to close the connection."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.connections = 0
        self.url = ""
        self.answer: Answer = self.accept

    async def accept(self, _: Call) -> bytes | None:
        return OK

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                call = Call(headers, body, number)
                self.calls.append(call)
                answer = await self.answer(call)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Run a receiver in the loop of the test."""
    created = Receiver()
    server = await asyncio.start_server(created.serve, "127.0.0.1", 0)
    created.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks"
    try:
        yield created
    finally:
        server.close()


async def register(api: Api, url: str, *topics: str, **fields: Any) -> Any:
    """Register an endpoint; return its uid and secret."""
    return await api.ok(await api.post(PATH, url=url, topics=list(topics or ("tag.*",)), **fields))


async def tag(api: Api, name: str) -> None:
    await api.ok(await api.post("/api/v1/manage/tags", tag_name=name))


async def deliver(db: Db, api: Api, now: datetime) -> None:
    """Follow the log and send what is due at a moment."""
    while await follow(db.for_account(api.account_id), api.account_id, now):
        pass
    while await sender().start(db, api.account_id, now, lambda: now):
        await sender().finish()


async def rows(api: Api, webhook_uid: str, **query: Any) -> Any:
    """The deliveries of an endpoint, the oldest first."""
    path = f"{PATH}/{webhook_uid}/deliveries"
    return (await api.ok(await api.get(path, order="asc", limit=500, **query)))["data"]
