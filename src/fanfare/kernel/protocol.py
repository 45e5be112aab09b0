"""uvicorn's HTTP protocol with head and body of an answer in one write: a system call less for each call."""

import asyncio
import json
import secrets
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fanfare.kernel.errors import Unreadable

HEAD = b"HTTP/1."
# The word that asks for a body must not wait for one.
CONTINUE = b"HTTP/1.1 100"


class JoinedTransport:
    """Keeps the head of an answer back until its first body part is written, or until anything else is asked."""

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        """Take the transport to write to."""
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        """Write, or keep what is the head of an answer."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(HEAD) and not data.startswith(CONTINUE):
            self._head = data
            return
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the transport has
        """Give the transport's own, after what was kept back is written."""
        if self._head:
            data, self._head = self._head, b""
            self._transport.write(data)
        return getattr(self._transport, name)


class OneWriteProtocol(HttpToolsProtocol):
    """Give as `http=` to uvicorn's Config."""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's signature
        """Put the joining transport between."""
        super().connection_made(JoinedTransport(transport))  # type: ignore[arg-type]

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or has a head of more than 64 KiB, and close the connection."""
        problem = {**Unreadable(msg).problem(), "request_id": secrets.token_hex(14)}
        body = json.dumps(problem).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
