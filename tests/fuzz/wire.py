"""A client that only speaks HTTP/1.1 over one kept connection: twenty times as fast as one that does all."""

import asyncio
import json
from typing import NamedTuple
from urllib.parse import urlsplit

from tests import answers
from tests.running import PATIENCE

SECONDS = PATIENCE


class Answered(NamedTuple):
    """An answer: its status, its header lines in lower case, its body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection to the server under test, made anew when the server closes it."""

    def __init__(self, base_url: str, headers: dict[str, str]) -> None:
        address = urlsplit(base_url)
        self.host, self.port = str(address.hostname), int(address.port or 80)
        self.head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": self.host, **headers}.items())
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def send(self, method: str, target: str, body: bytes = b"", kind: str = "application/json") -> Answered:
        """Send a request and return its answer, held against what is told of the call."""
        head = f"{method} {target} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n"
        if body:
            head += f"Content-Type: {kind}\r\n"
        answered = await asyncio.wait_for(self.exchange(f"{head}\r\n".encode() + body), SECONDS)
        path = target.partition("?")[0]
        if answered.status < 500:  # what is beyond is told with what was sent
            kind = "application/problem+json" if answered.status >= 400 else "application/json"
            assert answered.headers.get("content-type", kind).startswith(kind), answered.headers
            content = json.loads(answered.body) if answered.body else None
            assert answers.faults(method, path, answered.status, content) == []
        return answered

    async def exchange(self, request: bytes) -> Answered:
        """Send bytes and return what comes back."""
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        self.writer.write(request)
        await self.writer.drain()
        status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            await self.close()
        return Answered(int(status.split()[1]), headers, body)

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None
