"""One HTTP call over a connection to a checked address. The client loads this with its first call."""

import asyncio
import ssl
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from urllib.parse import urlsplit

import httpcore
import httpx

from fanfare.kernel.running.http_client import (
    VISIBLE,
    CheckedResolver,
    HttpAnswer,
    HttpRequest,
    NoAnswer,
    NotConnected,
    OpenConnections,
)

CONNECT_SECONDS = 5.0
# Addresses of one name that are tried.
MAX_ADDRESSES = 4
# How long an unused connection is kept; its host may have other addresses by then.
IDLE_SECONDS = 20.0


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, resolver: CheckedResolver) -> None:
        self._resolver = resolver
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that responds; all of them must be allowed."""
        try:
            addresses = await self._resolver.addresses(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(type(error).__name__) from error
        failure = httpcore.ConnectError("the host has no address")
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure


class _Transport(httpx.AsyncHTTPTransport):
    """httpx over connections of the checked backend. It takes no backend itself."""

    def __init__(self, backend: _CheckedBackend) -> None:
        super().__init__(trust_env=False, verify=_tls())
        self._pool = httpcore.AsyncConnectionPool(ssl_context=_tls(), network_backend=backend)


@cache
def _tls() -> ssl.SSLContext:
    """Return the context for all calls; reading the certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


class Connections(OpenConnections):
    """Connections to one host that are used again. Each stays with the address that was checked when it was made."""

    def __init__(self, resolver: CheckedResolver, count: int) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(),
            max_connections=count,
            max_keepalive_connections=count,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=_CheckedBackend(resolver),
        )

    async def send(self, request: HttpRequest) -> HttpAnswer:
        """Make a call; raises CallError. Of the answer's body the first bytes are read, and the rest is refused."""
        try:
            async with asyncio.timeout(request.seconds):
                try:
                    return await self._send(request)
                except httpcore.RemoteProtocolError:
                    # The other side closed an idle connection at the same moment.
                    return await self._send(request)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.UnsupportedProtocol) as error:
            raise NotConnected(type(error).__name__) from None
        except TimeoutError as error:
            raise NoAnswer(type(error).__name__) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise NoAnswer(type(error).__name__) from None

    async def _send(self, request: HttpRequest) -> HttpAnswer:
        timeout = {"connect": CONNECT_SECONDS, "read": request.seconds, "write": request.seconds}
        host = urlsplit(request.url).netloc.encode("ascii")
        headers = [(b"Host", host), (b"Accept-Encoding", b"identity"), *_encoded(request.headers)]
        headers.append((b"Content-Length", b"%d" % len(request.content)))
        stream = self._pool.stream(
            request.method, request.url, headers=headers, content=request.content, extensions={"timeout": timeout}
        )
        body = bytearray()
        async with stream as response:
            async for part in response.aiter_stream():
                body += part[: (request.max_bytes or 0) - len(body)]
                if len(body) >= (request.max_bytes or 0):
                    break
        names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return HttpAnswer(response.status, names, bytes(body))

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


def _encoded(headers: Mapping[str, str]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers.items():
        yield name.encode("ascii"), value.encode("ascii")


async def exchange(request: HttpRequest, resolver: CheckedResolver) -> HttpAnswer:
    """Make a call; raises CallError."""
    try:
        return await _answer(request, resolver)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise NotConnected(type(error).__name__) from None
    except (httpx.HTTPError, httpx.StreamError, UnicodeError) as error:
        raise NoAnswer(type(error).__name__) from None


async def _answer(request: HttpRequest, resolver: CheckedResolver) -> HttpAnswer:
    timeout = httpx.Timeout(request.seconds, connect=CONNECT_SECONDS)
    transport = _Transport(_CheckedBackend(resolver))
    client = httpx.AsyncClient(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)
    # Not compressed: a few bytes can become gigabytes.
    headers = {"Accept-Encoding": "identity", **request.headers}
    stream = client.stream(
        request.method, request.url, headers=headers, content=request.content, extensions=_target(request.url)
    )
    async with client, stream as response:
        body = b"" if request.max_bytes is None else await _read(response, request.max_bytes)
        return HttpAnswer(response.status_code, dict(response.headers), body)


def _target(url: str) -> dict[str, bytes]:
    """Return the path and query as they are: httpx resolves dot segments, and what is signed must not change."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return {"target": target.encode()} if VISIBLE.fullmatch(target) else {}


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > max_bytes:
            message = f"the answer is longer than {max_bytes} bytes"
            raise NoAnswer(message)
    if response.headers.get("content-encoding", "identity") != "identity":
        message = "the answer is compressed"
        raise NoAnswer(message)
    return bytes(body)
