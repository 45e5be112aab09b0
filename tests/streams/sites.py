"""A local site for sources: answers each path as a test says, and remembers what was asked."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.running import PATIENCE


class Request(NamedTuple):
    """A request."""

    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """A reply."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})


class Site:
    """Paths with what they answer."""

    def __init__(self) -> None:
        self.url = ""
        self.replies: dict[str, Callable[[Request], Reply]] = {}
        self.requests: list[Request] = []

    def put(self, path: str, body: bytes | str, status: int = 200, **headers: str) -> str:
        """Let a path answer this, and return its URL."""
        content = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies[path] = lambda _: Reply(content, status, named)
        return f"{self.url}{path}"

    def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        respond = self.replies.get(request.path)
        return respond(request) if respond else Reply(b"{}", 404)


@contextmanager
def site() -> Iterator[Site]:
    """Run a site."""
    result = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.respond(b"")

        def do_POST(self) -> None:
            self.respond(self.rfile.read(int(self.headers["Content-Length"])))

        def respond(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = result.reply(Request(parts.path, parts.query, headers, body))
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    result.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield result
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
