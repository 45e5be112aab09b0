"""Servers on this machine that tests talk to: each runs in threads, and ends with its test."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, TCPServer, ThreadingTCPServer
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.running import PATIENCE


class Request(NamedTuple):
    """A request; names of headers are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """A reply."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})


@contextmanager
def http_server(respond: Callable[[Request], Reply]) -> Iterator[str]:
    """Run an HTTP server that replies to each request as `respond` says; give its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            reply = respond(Request(self.command, parts.path, parts.query, headers, body))
            self.send_response(reply.status)
            length = {"content-length": str(len(reply.body))} if self.command != "HEAD" else {}
            for name, value in {**reply.headers, **length}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def do_POST(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            return

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def line_server(serve: Callable[[StreamRequestHandler], None]) -> Iterator[int]:
    """Run a server of another protocol, which reads and writes what it likes on each connection; give its port."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            serve(self)

    with running(ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield port


@contextmanager
def running(server: TCPServer) -> Iterator[int]:
    """Run a server until the block ends; give its port."""
    if isinstance(server, ThreadingTCPServer | ThreadingHTTPServer):
        server.daemon_threads = True
    # It looks every hundredth of a second whether it is to end.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
