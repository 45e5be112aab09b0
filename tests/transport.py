"""What a client of tests sends its requests by: HTTP/1.1 with a parser in C, for half the CPU of httpx's own transport.

Tests make a hundred thousand calls. What is large, or is read as a stream, goes by httpx's own transport.
"""

import asyncio
import select
import time
from typing import Any

import httptools
import httpx

# The extension of a request whose answer is read as a stream.
STREAM = "fanfare_stream"
# A server that refuses a longer body may answer before it has read all of it, which httpx's own transport understands.
MAX_BYTES = 200_000
KEEP_SECONDS = 5.0
CONNECTIONS = 64


class Line(asyncio.Protocol):
    """One connection, with at most one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[httpx.Response] | None = None
        self.is_open = True
        self.idle_since = 0.0

    def ask(self, head: bytes, *, is_head: bool) -> "asyncio.Future[httpx.Response]":
        """Send a request; the result is the whole answer."""
        assert self.transport
        self.answer = asyncio.get_running_loop().create_future()
        self.is_head = is_head
        self.parser = httptools.HttpResponseParser(self)
        self.headers: list[tuple[bytes, bytes]] = []
        self.reason = b""
        self.body: list[bytes] = []
        self.has_headers = False
        self.transport.write(head)
        return self.answer

    def is_usable(self) -> bool:
        """Whether the next request may go here: the server has said nothing since, not even that it has closed."""
        if not self.is_open or not self.transport or time.monotonic() - self.idle_since > KEEP_SECONDS:
            return False
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False
        if self.transport:
            self.transport.close()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.answer or self.answer.done():
            self.close()
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(httpx.RemoteProtocolError(str(error)))
        if self.is_head and self.has_headers:
            # The parser waits for a body, which is right to be missing.
            self.on_message_complete()

    def eof_received(self) -> None:
        self.is_open = False
        if self.answer and not self.answer.done() and self.has_headers and self._ends_with_connection():
            self.on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if exc:
            self._fail(httpx.ReadError(str(exc)))
        elif self.has_headers:
            self._fail(httpx.RemoteProtocolError("peer closed connection without sending complete message body"))
        else:
            self._fail(httpx.RemoteProtocolError("Server disconnected without sending a response."))

    def on_status(self, status: bytes) -> None:
        self.reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.has_headers = True

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        if not self.answer or self.answer.done():
            return
        if self.is_head and self.body:
            self._fail(httpx.RemoteProtocolError("a body came after HEAD"))
            return
        if not self.parser.should_keep_alive():
            self.is_open = False
        extensions: dict[str, Any] = {"http_version": b"HTTP/1.1", "reason_phrase": self.reason}
        stream = httpx.ByteStream(b"".join(self.body))
        status = self.parser.get_status_code()
        self.answer.set_result(httpx.Response(status, headers=self.headers, stream=stream, extensions=extensions))

    def _ends_with_connection(self) -> bool:
        names = {name.lower() for name, _ in self.headers}
        return not names & {b"content-length", b"transfer-encoding"}

    def _fail(self, error: httpx.TransportError) -> None:
        self.close()
        if self.answer and not self.answer.done():
            self.answer.set_exception(error)


class Lines(httpx.AsyncBaseTransport):
    """Connections to the servers under test, each used again while it is open."""

    def __init__(self) -> None:
        self._usual: httpx.AsyncHTTPTransport | None = None
        self._idle: dict[tuple[str, int | None], list[Line]] = {}
        self._slots = asyncio.Semaphore(CONNECTIONS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its whole answer."""
        body = request.stream
        if STREAM in request.extensions or not isinstance(body, httpx.ByteStream) or request.url.scheme != "http":
            return await self._by_httpx(request)
        content = b"".join(body)
        if len(content) > MAX_BYTES:
            return await self._by_httpx(request)
        first = b" ".join([request.method.encode(), request.url.raw_path, b"HTTP/1.1"])
        message = b"\r\n".join([first, *(b": ".join(each) for each in request.headers.raw), b"", content])
        async with self._slots:
            line = await self._line(request)
            try:
                async with asyncio.timeout(request.extensions.get("timeout", {}).get("read")):
                    response = await line.ask(message, is_head=request.method == "HEAD")
            except TimeoutError:
                line.close()
                raise httpx.ReadTimeout(str(request.url), request=request) from None
            except BaseException:
                line.close()
                raise
            self._put_back(request, line)
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        for line in (each for lines in self._idle.values() for each in lines):
            line.close()
        self._idle.clear()
        if self._usual:
            await self._usual.aclose()

    async def _by_httpx(self, request: httpx.Request) -> httpx.Response:
        self._usual = self._usual or httpx.AsyncHTTPTransport()
        return await self._usual.handle_async_request(request)

    async def _line(self, request: httpx.Request) -> Line:
        place = (request.url.host, request.url.port)
        idle = self._idle.get(place, [])
        while idle:
            line = idle.pop()
            if line.is_usable():
                return line
            line.close()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("connect")):
                _, line = await loop.create_connection(Line, place[0], place[1] or 80)
        except TimeoutError:
            raise httpx.ConnectTimeout(str(request.url), request=request) from None
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from None
        return line

    def _put_back(self, request: httpx.Request, line: Line) -> None:
        if not line.is_open:
            line.close()
            return
        line.idle_since = time.monotonic()
        self._idle.setdefault((request.url.host, request.url.port), []).append(line)


class Client(httpx.AsyncClient):
    """A client by these connections; what it reads as a stream comes by httpx's own transport."""

    def __init__(self, **options: Any) -> None:
        super().__init__(transport=Lines(), **options)

    async def send(self, request: httpx.Request, *, stream: bool = False, **extra: Any) -> httpx.Response:
        """Send a request."""
        if stream:
            request.extensions[STREAM] = True
        return await super().send(request, stream=stream, **extra)
