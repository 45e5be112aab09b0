"""The connections of a server process: their timeouts, their number, and the memory of their buffers.

One periodic sweep per process looks for expired connections, so a packet or request only sets a number and no timer.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import structlog

from fanfare.kernel.addresses import Network, peer_subscriber
from fanfare.kernel.running.tasks import keep_running

log = structlog.get_logger()

SWEEP_SECONDS = 0.5
# The limit for the incomplete requests (heads and bodies) of all connections together.
MAX_BUFFERED_BYTES = 64 * 1024 * 1024
# The limit for the unsent responses of all connections together.
MAX_UNSENT_BYTES = 64 * 1024 * 1024
NEVER = math.inf


class Times(NamedTuple):
    """Timeouts of a connection, in seconds."""

    # from the first byte of a request, or from accepting the connection, to the end of the head
    head: float
    # from there to the end of the body
    body: float
    # between a response and the next request
    idle: float
    # to send a response that does not fit into the system's buffers
    answer: float


class Room(NamedTuple):
    """The maximum number of connections: in total, and per client address.

    A client address is an IPv4 address or the /64 of an IPv6 address. The limit does not apply to `proxies`.
    """

    limit: int
    limit_per_address: int
    proxies: tuple[Network, ...]


class OpenConnection(Protocol):
    """A connection as the sweep sees it."""

    # when the current phase, and the sending of the response, time out; by the loop's clock
    deadline: float
    write_deadline: float
    # bytes of the incomplete request in the buffer
    buffered: int

    def expire(self) -> None:
        """Handle a timeout."""

    def evict(self) -> None:
        """Close, or drop the buffered request, to make room for others."""

    def drop_response(self) -> None:
        """Close: the client does not read the response, and its memory is needed."""

    def drop(self) -> None:
        """Close at once, without a response."""


class _Client:
    """The connections of one client address; those waiting for a request are in order of waiting time."""

    __slots__ = ("count", "idle")

    def __init__(self) -> None:
        self.count = 0
        self.idle: OrderedDict[OpenConnection, None] = OrderedDict()


class ByteBudget:
    """Buffered bytes by connection with a limit for their sum; the connections that buffer longest come first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.total = 0
        self._sizes: OrderedDict[OpenConnection, int] = OrderedDict()

    def update(self, connection: OpenConnection, size: int) -> None:
        """Set the size of a connection; one that had none before goes to the end."""
        self.total += size - self._sizes.get(connection, 0)
        if size:
            self._sizes[connection] = size
        else:
            self._sizes.pop(connection, None)

    def excess(self) -> Iterator[OpenConnection]:
        """Remove and yield the oldest connections until the sum is within the limit."""
        while self.total > self.limit and self._sizes:
            connection, size = self._sizes.popitem(last=False)
            self.total -= size
            yield connection


class HttpConnections:
    """All connections of one process; those that wait for a request are in order of waiting time, longest first."""

    def __init__(self, protocol_class: Any, times: Times, room: Room) -> None:  # noqa: ANN401 - a protocol class
        self.protocol_class = protocol_class
        self.times = times
        self.room = room
        # connections with their client address, None for a proxy
        self.open: dict[OpenConnection, str | None] = {}
        self._clients: dict[str, _Client] = {}
        self.idle: OrderedDict[OpenConnection, None] = OrderedDict()
        self._buffered = ByteBudget(MAX_BUFFERED_BYTES)
        self._unsent = ByteBudget(MAX_UNSENT_BYTES)
        self._sweep_task: asyncio.Task[None] | None = None

    def __call__(self, **options: Any) -> asyncio.Protocol:  # noqa: ANN401 - whatever uvicorn gives
        """Create the protocol of an accepted connection; uvicorn takes this object for the protocol class."""
        protocol: asyncio.Protocol = self.protocol_class(self, **options)
        return protocol

    def add(self, connection: OpenConnection, peer: str | None) -> bool:
        """Register a new connection and return whether there is room for it.

        At a limit, the connection that has been idle longest is closed first: of the same address if that has reached
        its own limit, else of all.
        """
        if self._sweep_task is None or self._sweep_task.done():
            self._sweep_task = keep_running(self._sweep, "sweep of HTTP connections")
        address = peer_subscriber(peer, self.room.proxies)
        self._make_room(self._clients.get(address) if address else None)
        self.open[connection] = address
        has_room = len(self.open) <= self.room.limit
        if address:
            client = self._clients.setdefault(address, _Client())
            client.count += 1
            has_room = has_room and client.count <= self.room.limit_per_address
        return has_room

    def _make_room(self, client: _Client | None) -> None:
        if client and client.count >= self.room.limit_per_address and client.idle:
            oldest = next(iter(client.idle))
        elif len(self.open) >= self.room.limit and self.idle:
            oldest = next(iter(self.idle))
        else:
            return
        self._end(oldest, oldest.evict)

    def mark_idle(self, connection: OpenConnection) -> None:
        """Mark a connection as waiting for a request; it keeps its position if it already is."""
        self.idle.setdefault(connection)
        if address := self.open.get(connection):
            self._clients[address].idle.setdefault(connection)

    def mark_active(self, connection: OpenConnection) -> None:
        """Mark a connection as having a request."""
        self.idle.pop(connection, None)
        if address := self.open.get(connection):
            self._clients[address].idle.pop(connection, None)

    def remove(self, connection: OpenConnection) -> None:
        """Unregister a connection that is closed or about to be; idempotent."""
        self.mark_active(connection)
        self.set_buffered(connection, 0)
        self.set_unsent(connection, 0)
        if address := self.open.pop(connection, None):
            client = self._clients[address]
            client.count -= 1
            if not client.count:
                del self._clients[address]

    def set_buffered(self, connection: OpenConnection, size: int) -> None:
        """Set the size of a connection's incomplete request; above the limit for all, the oldest ones give way."""
        connection.buffered = size
        self._buffered.update(connection, size)
        for oldest in self._buffered.excess():
            oldest.buffered = 0
            self._end(oldest, oldest.evict)

    def _end(self, connection: OpenConnection, end: Callable[[], None]) -> None:
        """Close a connection with the given method; if that fails, drop it, so that no other connection is affected."""
        try:
            end()
        except Exception as error:
            log.warning("closing a connection failed", exc_info=error)
            self.remove(connection)
            with suppress(Exception):
                connection.drop()

    def set_unsent(self, connection: OpenConnection, size: int) -> None:
        """Set the size of a connection's unsent response; above the limit for all, the oldest ones are closed."""
        self._unsent.update(connection, size)
        for oldest in self._unsent.excess():
            self._end(oldest, oldest.drop_response)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = loop.time()
            for connection in [each for each in self.open if each.deadline <= now or each.write_deadline <= now]:
                self._end(connection, connection.expire)
                # Yield to the loop after each: closing thousands in one go would block it for half a second.
                await asyncio.sleep(0)
