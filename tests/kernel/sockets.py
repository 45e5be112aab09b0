"""A client that sends bytes as they are and takes answers apart."""

import asyncio
import json
import socket
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.running import PATIENCE

HOST = b"Host: x\r\n"


class Answer(NamedTuple):
    """What came back for one request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> Any:
        """The problem+json that this must be."""
        assert self.headers["content-type"] == "application/problem+json", self
        result = json.loads(self.body)
        assert result["status"] == self.status, self
        assert result["request_id"] == self.headers["x-request-id"], self
        assert {"type", "title", "detail", "code", "error"} <= set(result), self
        return result


class Socket:
    """A connection to the server under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, base_url: str, window: int | None = None, source: str | None = None) -> "Socket":
        """Connect, from a source address; with a window the system takes in about that many bytes of an answer."""
        address = urlsplit(base_url)
        sock = socket.socket()
        if window:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        if source:
            sock.bind((source, 0))
        sock.setblocking(False)  # noqa: FBT003 - socket's signature
        await asyncio.get_running_loop().sock_connect(sock, (str(address.hostname), int(address.port or 0)))
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(reader, writer)

    async def send(self, *packets: bytes) -> None:
        """Send, each in a packet of its own as far as the system likes; what the server no longer takes is no fault."""
        for packet in packets:
            try:
                self.writer.write(packet)
                await self.writer.drain()
            except OSError:
                return

    async def answer(self) -> Answer | None:
        """Return the next answer, None when the server has closed."""
        async with asyncio.timeout(PATIENCE):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, OSError):
                return None
            start, *lines = head.decode("latin-1").splitlines()
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(start.split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Wait until the server closes; say whether it did so without another word."""
        return await self.answer() is None

    def close(self) -> None:
        self.writer.close()


async def answers_to(base_url: str, packets: Iterable[bytes], count: int) -> list[Answer | None]:
    """Send packets on a new connection and return as many answers."""
    client = await Socket.to(base_url)
    sending = asyncio.create_task(client.send(*packets))
    response = [await client.answer() for _ in range(count)]
    await sending
    client.close()
    return response
