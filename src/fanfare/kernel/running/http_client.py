"""All HTTP calls to others: gateways, and identity providers that accounts name.

An account chooses the URL, so it must not reach what only this machine can reach. The name is resolved here, every
address it has is checked, and the connection goes to a checked address: a second resolution, which could answer
otherwise, does not happen. Redirects are not followed, and time and length of an answer are bounded.

Refused are all addresses that are not public. FANFARE_OUTGOING_ALLOWED opens networks, such as those of an intranet.
"""

import asyncio
import ipaddress
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from fanfare.kernel.addresses import Network, networks
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.running.shares import Owner, Shares

# Calls of a process at a time, and the share of one account; a call waits so long for a slot.
MAX_CALLS = 32
ACCOUNT_SHARE = 0.25
SLOT_SECONDS = 5.0
RESOLVE_SECONDS = 5.0
MAX_URL_LENGTH = 2048
URL_FAULT = f"must be a URL of at most {MAX_URL_LENGTH} ASCII characters, with a host, and without user and #"
VISIBLE = re.compile(r"[!-~]+")
HOST = re.compile(r"[A-Za-z0-9._-]+")

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


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order of the system; all forms of a number are addresses.

    The system cannot end a resolution. It has a thread of its own, which does not delay the end of the process.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[str]] = loop.create_future()

    def finish(rows: Sequence[tuple[object, ...]], error: Exception | None) -> None:
        if done.cancelled():
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(list(dict.fromkeys(str(row[4][0]) for row in rows)))  # type: ignore[index]

    def ask() -> None:
        rows: Sequence[tuple[object, ...]] = ()
        failure: Exception | None = None
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except Exception as error:  # noqa: BLE001 - it is raised to who waits
            failure = error
        # The loop can have ended.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, rows, failure)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    return await done


class CheckedResolver:
    """Resolves the host of one call to addresses that are allowed."""

    def __init__(self, allowed: Sequence[Network], resolve_: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve_
        self._is_running = False
        self._finish: Callable[[], None] | None = None

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host; raises AddressRefused when one is not allowed, OSError when it has none."""
        # Who gives up does not end the thread that resolves.
        texts = await asyncio.shield(self._texts(host, port))
        addresses = [_unwrapped(ipaddress.ip_address(text.partition("%")[0])) for text in texts]
        if not all(is_allowed(each, self._allowed) for each in addresses):
            message = "the address of the host is not public; FANFARE_OUTGOING_ALLOWED can allow it"
            raise AddressRefused(message)
        return [str(each) for each in addresses]

    async def _texts(self, host: str, port: int) -> Sequence[str]:
        self._is_running = True
        try:
            return await self._resolve(host, port)
        finally:
            self._is_running = False
            if self._finish:
                self._finish()

    def when_done(self, act: Callable[[], None]) -> None:
        """Call `act` when no resolution goes on any more, which can be later than the call ends."""
        if self._is_running:
            self._finish = act
        else:
            act()


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Return whether connections to an address are allowed."""
    return is_public(address) or any(address in each for each in allowed)


Exchange = Callable[[HttpRequest, CheckedResolver], Awaitable[HttpAnswer]]


class OpenConnections(Protocol):
    """Connections to one host that are used again."""

    async def send(self, request: HttpRequest) -> HttpAnswer:
        """Make a call; raises CallError. Of the answer's body the first `max_bytes` are read."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


@cache
def _exchange() -> Exchange:
    """Load what sends, with the first call: 80 ms and 9 MB, which most processes save."""
    from fanfare.kernel.running.http_exchange import exchange  # noqa: PLC0415 - see above

    return exchange


@cache
def _connections() -> Callable[[CheckedResolver, int], OpenConnections]:
    from fanfare.kernel.running.http_exchange import Connections  # noqa: PLC0415 - the same

    return Connections


@cache
def _turns(_: asyncio.AbstractEventLoop) -> Shares:
    return Shares(MAX_CALLS, ACCOUNT_SHARE)


class HttpClient:
    """Makes calls to others."""

    def __init__(self, allowed: Sequence[str] = (), resolve_: Resolve = resolve) -> None:
        """Allow connections to public addresses and to the networks in `allowed`."""
        self._allowed = networks(allowed)
        self._resolve = resolve_

    def use(self, settings: Settings) -> None:
        """Allow the networks of the settings from now on."""
        self._allowed = networks(settings.outgoing_allowed)

    def url_fault(self, url: str) -> str | None:
        """Return what is wrong with a URL that an account names, without resolving it.

        It must be https. An address that is allowed can have http.
        """
        if len(url) > MAX_URL_LENGTH or not url.isascii():
            return URL_FAULT
        try:
            parts = urlsplit(url)
            name, _ = parts.hostname or "", parts.port
        except ValueError:
            return "must be a URL"
        if not name or "@" in parts.netloc or "#" in url:
            return URL_FAULT
        host = _literal(name)
        if not VISIBLE.fullmatch(url) or (host is None and not HOST.fullmatch(name)):
            return "must be a URL"
        is_inside = host is not None and not is_public(host)
        if is_inside and host is not None and not is_allowed(host, self._allowed):
            return "must not be an address that is not public"
        return None if parts.scheme == "https" or (is_inside and parts.scheme == "http") else "must begin with https://"

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses to which a connection of another protocol may be made.

        Raises AddressRefused when one is not allowed, OSError when the host has none or its name server is silent.
        """
        async with asyncio.timeout(RESOLVE_SECONDS):
            return await CheckedResolver(self._allowed, self._resolve).addresses(host, port)

    async def connections(self, count: int) -> OpenConnections:
        """Return at most `count` connections to one host that are used again, for a caller that bounds its calls."""
        make = await asyncio.to_thread(_connections)
        return make(CheckedResolver(self._allowed, self._resolve), count)

    async def send(self, request: HttpRequest, owner: Owner) -> HttpAnswer:
        """Make a call; raises CallError, and Busy when the owner (an account) already has all its calls.

        It must not be made in a transaction, whose connection would wait for the other side.
        """
        turns = _turns(asyncio.get_running_loop())
        await turns.acquire(owner, SLOT_SECONDS)
        resolver = CheckedResolver(self._allowed, self._resolve)
        try:
            exchange = await asyncio.to_thread(_exchange)
            async with asyncio.timeout(request.seconds):
                return await exchange(request, resolver)
        except TimeoutError as error:
            raise NoAnswer(type(error).__name__) from None
        finally:
            # A name server that is silent occupies the owner's slots, not threads that others need.
            resolver.when_done(lambda: turns.release(owner))


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


# That of this process; `use` is called when it starts.
http_client = HttpClient()
