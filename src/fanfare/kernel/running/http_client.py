"""All HTTP calls to others: gateways, and identity providers that accounts name.

An account chooses the URL, so it must not reach what only this machine can reach. The name is resolved here, every
address it has is checked, and the connection goes to a checked address: a second resolution, which could answer
otherwise, does not happen. Redirects are not followed, and time and length of an answer are bounded.

Refused are all addresses that are not public. FANFARE_OUTGOING_ALLOWED opens networks, such as those of an intranet.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import httpcore
import httpx
import msgspec

from fanfare.kernel.addresses import Network, networks
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.running.shares import Owner, Shares

# Calls of a process at a time, and the share of one account; a call waits so long for a slot.
MAX_CALLS = 32
ACCOUNT_SHARE = 0.25
SLOT_SECONDS = 5.0
CONNECT_SECONDS = 5.0
# Addresses of one name that are tried.
MAX_ADDRESSES = 4
MAX_URL_LENGTH = 2048
SCHEMES = ("http", "https")

PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
# The IPv4 address of an IPv6 address of these is in its last four bytes.
EMBEDDING = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))
# Not public, though `is_global` says so in some or all versions of Python: tunnels, and addresses for documentation.
NOT_PUBLIC = networks(("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20"))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Returns the addresses of a host for a port.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class CallError(Exception):
    """A call has no answer. The message contains nothing of the URL, which can contain a password."""


class NotConnected(CallError):  # noqa: N818 - what it is
    """Nothing was sent: the host has no address, none that is allowed, or none that responds."""


class AddressRefused(NotConnected):
    """The host has an address that is not public, and not allowed by FANFARE_OUTGOING_ALLOWED."""


class NoAnswer(CallError):  # noqa: N818 - what it is
    """The request may have arrived; no answer came in time, or an invalid or too long one."""


class HttpRequest(msgspec.Struct, frozen=True):
    """A request. `seconds` bound all of it; an answer of more than `max_bytes` is refused, None leaves it unread."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    content: bytes = b""
    seconds: float = 10.0
    max_bytes: int | None = 256 * 1024


class HttpAnswer(msgspec.Struct, frozen=True):
    """The answer, whatever its status. The names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_public(address: Address) -> bool:
    """Return whether everybody can have this address, so that it leads nowhere inside."""
    address = _unwrapped(address)
    if isinstance(address, ipaddress.IPv6Address) and address not in PUBLIC_V6:
        return False
    return address.is_global and not address.is_multicast and not any(address in each for each in NOT_PUBLIC)


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address within an IPv6 address that stands for it."""
    if isinstance(address, ipaddress.IPv6Address) and any(address in each for each in EMBEDDING):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address


# As many as calls, so that a name server that hangs does not delay other names.
RESOLVERS = ThreadPoolExecutor(MAX_CALLS, "resolver")


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order of the system; all forms of a number are addresses."""
    loop = asyncio.get_running_loop()
    rows = await loop.run_in_executor(RESOLVERS, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, allowed: Sequence[Network], resolve_: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve_
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
        failure = httpcore.ConnectError("the host has no address")
        for address in (await self._addresses(host, port))[:MAX_ADDRESSES]:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            texts = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(type(error).__name__) from error
        addresses = [_unwrapped(ipaddress.ip_address(text.partition("%")[0])) for text in texts]
        if not all(self.is_allowed(each) for each in addresses):
            message = "the address of the host is not public; FANFARE_OUTGOING_ALLOWED can allow it"
            raise AddressRefused(message)
        return [str(each) for each in addresses]

    def is_allowed(self, address: Address) -> bool:
        """Return whether connections to an address are allowed."""
        return is_public(address) or any(address in each for each in self._allowed)


class _Transport(httpx.AsyncHTTPTransport):
    """httpx over connections of the checked backend. It takes no backend itself."""

    def __init__(self, backend: _CheckedBackend) -> None:
        super().__init__(trust_env=False, verify=_tls())
        self._pool = httpcore.AsyncConnectionPool(ssl_context=_tls(), network_backend=backend)


@cache
def _tls() -> ssl.SSLContext:
    """Return the context for all calls; reading the certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


@cache
def _turns(_: asyncio.AbstractEventLoop) -> Shares:
    return Shares(MAX_CALLS, ACCOUNT_SHARE)


class HttpClient:
    """Makes calls to others."""

    def __init__(self, allowed: Sequence[str] = (), resolve_: Resolve = resolve) -> None:
        """Allow connections to public addresses and to the networks in `allowed`."""
        self._backend = _CheckedBackend(networks(allowed), resolve_)

    def use(self, settings: Settings) -> None:
        """Allow the networks of the settings from now on."""
        self._backend = _CheckedBackend(networks(settings.outgoing_allowed), resolve)

    def url_fault(self, url: str) -> str | None:
        """Return what is wrong with a URL that an account names, without resolving it.

        It must be https. An address that is allowed can have http.
        """
        try:
            parts = httpx.URL(url)
        except httpx.InvalidURL:
            return "must be a URL"
        host = _literal(parts.host)
        if not parts.host or parts.userinfo or parts.fragment or len(url) > MAX_URL_LENGTH or not url.isascii():
            return f"must be a URL of at most {MAX_URL_LENGTH} ASCII characters, with a host, and without user and #"
        is_inside = host is not None and not is_public(host)
        if is_inside and host is not None and not self._backend.is_allowed(host):
            return "must not be an address that is not public"
        return None if parts.scheme == "https" or (is_inside and parts.scheme == "http") else "must begin with https://"

    async def send(self, request: HttpRequest, owner: Owner) -> HttpAnswer:
        """Make a call; raises CallError, and Busy when the owner (an account) already has all its calls.

        It must not be made in a transaction, whose connection would wait for the other side.
        """
        async with _turns(asyncio.get_running_loop()).slot(owner, SLOT_SECONDS):
            try:
                async with asyncio.timeout(request.seconds):
                    return await self._exchange(request)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
                raise NotConnected(type(error).__name__) from None
            except (httpx.HTTPError, httpx.StreamError, TimeoutError, UnicodeError) as error:
                raise NoAnswer(type(error).__name__) from None

    async def _exchange(self, request: HttpRequest) -> HttpAnswer:
        timeout = httpx.Timeout(request.seconds, connect=CONNECT_SECONDS)
        client = httpx.AsyncClient(
            transport=_Transport(self._backend), timeout=timeout, follow_redirects=False, trust_env=False
        )
        # Not compressed: a few bytes can become gigabytes.
        headers = {"Accept-Encoding": "identity", **request.headers}
        stream = client.stream(request.method, request.url, headers=headers, content=request.content)
        async with client, stream as response:
            body = b"" if request.max_bytes is None else await _read(response, request.max_bytes)
            return HttpAnswer(response.status_code, dict(response.headers), body)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


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


# That of this process; `use` is called when it starts.
http_client = HttpClient()
