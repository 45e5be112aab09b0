"""What tests send their requests by sees what httpx's own transport sees, and no less."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler

import httpx
import pytest

from tests.servers import line_server
from tests.transport import Client

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"


@contextmanager
def server(reply: bytes, *, is_kept: bool = False) -> Iterator[str]:
    """Run a server that replies these bytes to each request, and closes or keeps the connection; give its URL."""

    def serve(connection: StreamRequestHandler) -> None:
        while connection.rfile.readline():
            while connection.rfile.readline().strip():
                pass
            connection.wfile.write(reply)
            if not is_kept:
                return

    with line_server(serve) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize(
    ("method", "rest", "expected"),
    [
        ("GET", b"Content-Length: 2\r\n\r\nhi", "hi"),
        ("GET", CHUNKS, "hi"),
        # Its end is that of the connection.
        ("GET", b"\r\nhi", "hi"),
        ("HEAD", b"Content-Length: 2\r\n\r\n", ""),
    ],
)
async def test_a_whole_answer_is_read(method: str, rest: bytes, expected: str) -> None:
    with server(OK + rest) as url:
        async with Client() as client:
            answer = await client.request(method, url)
    assert (answer.status_code, answer.reason_phrase, answer.text) == (200, "OK", expected)


@pytest.mark.parametrize(
    ("method", "reply"),
    [
        ("GET", b""),
        ("GET", b"garbage\r\n\r\n"),
        ("GET", OK + b"Content-Length: 3\r\n\r\nhi"),
        ("GET", OK + CHUNKS[:-5]),
        ("HEAD", OK + b"Content-Length: 2\r\n\r\nhi"),
    ],
)
@pytest.mark.parametrize("make", [Client, httpx.AsyncClient])
async def test_what_is_no_answer_is_a_fault(make: Callable[[], httpx.AsyncClient], method: str, reply: bytes) -> None:
    if make is not Client and method == "HEAD":
        # It reads no body after HEAD.
        return
    with server(reply) as url:
        async with make() as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.request(method, url)


async def test_nobody_there() -> None:
    async with Client() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://127.0.0.1:1/")


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_connections_are_used_again_while_they_are_open(connection: str) -> None:
    head = f"Connection: {connection}\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nhi"
    with server(OK + head.encode(), is_kept=connection == "keep-alive") as url:
        async with Client() as client:
            assert [(await client.get(url)).text for _ in range(3)] == ["hi"] * 3
            assert dict(client.cookies) == {"a": "1", "b": "2"}
