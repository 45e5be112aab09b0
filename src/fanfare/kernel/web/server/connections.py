"""The connections of a server process: how long each may take, how many there may be, and what they may hold.

One sweep a process looks for those whose time is over, so that a packet or a request sets a number and no timer.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import structlog

from fanfare.kernel.addresses import Network, peer_subscriber
from fanfare.kernel.running.tasks import keep

log = structlog.get_logger()

SWEEP_SECONDS = 0.5
# Requests that have not arrived completely, heads and bodies, of all connections together.
MAX_HELD_BYTES = 64 * 1024 * 1024
# Answers that callers have not taken in, of all connections together.
MAX_UNREAD_BYTES = 64 * 1024 * 1024
NEVER = math.inf


class Times(NamedTuple):
    """Seconds that a connection may take over its steps."""

    # from the first byte of a request, or from the connection's start, to the end of the head
    head: float
    # from there to the end of the body
    body: float
    # between an answer and the next request
    idle: float
    # for a caller to take in an answer that does not fit into the system's buffers
    answer: float


class Room(NamedTuple):
    """How many connections there may be: of all callers, and of one address.

    An address is an IPv4 address or the /64 of an IPv6 address. Those of `proxies` speak for many callers.
    """

    limit: int
    most_of_address: int
    proxies: tuple[Network, ...]


class OpenConnection(Protocol):
    """What the sweep knows of a connection."""

    # when its step is over, and when it must have taken in more of its answer; as the loop's clock
    deadline: float
    write_deadline: float
    # bytes of a request that has not arrived completely
    buffered: int

    def expire(self) -> None:
        """End: its time is over."""

    def give_way(self) -> None:
        """End, or let go what it holds: others need the place."""

    def drop_answer(self) -> None:
        """End: its caller does not take the answer in, and others need the memory."""

    def drop(self) -> None:
        """End without a word."""


class _Caller:
    """The connections of one address, those that wait for a request in the order since when."""

    __slots__ = ("count", "quiet")

    def __init__(self) -> None:
        self.count = 0
        self.quiet: OrderedDict[OpenConnection, None] = OrderedDict()


class Sizes:
    """Bytes of connections, those that have had some for longest first, up to a bound for all together."""

    def __init__(self, limit: int) -> None:
        """Take the bound."""
        self.limit = limit
        self.total = 0
        self._sizes: OrderedDict[OpenConnection, int] = OrderedDict()

    def note(self, connection: OpenConnection, size: int) -> None:
        """Note what a connection has now; one that had none comes last."""
        self.total += size - self._sizes.get(connection, 0)
        if size:
            self._sizes[connection] = size
        else:
            self._sizes.pop(connection, None)

    def excess(self) -> Iterator[OpenConnection]:
        """Yield the oldest, forgotten, until the rest is within the bound."""
        while self.total > self.limit and self._sizes:
            connection, size = self._sizes.popitem(last=False)
            self.total -= size
            yield connection


class HttpConnections:
    """All connections of one process, those that wait for a request in the order since when."""

    def __init__(self, make: Any, times: Times, room: Room) -> None:  # noqa: ANN401 - a protocol with what uvicorn gives it
        """Take the class of a connection, its times, and how many there may be."""
        self.make = make
        self.times = times
        self.room = room
        # with the address of each, unless it is a proxy
        self.open: dict[OpenConnection, str | None] = {}
        self._callers: dict[str, _Caller] = {}
        self.quiet: OrderedDict[OpenConnection, None] = OrderedDict()
        self._arriving = Sizes(MAX_HELD_BYTES)
        self._unread = Sizes(MAX_UNREAD_BYTES)
        self._sweeping: asyncio.Task[None] | None = None

    def __call__(self, **options: Any) -> asyncio.Protocol:  # noqa: ANN401 - whatever uvicorn gives
        """Make a connection as it is accepted; uvicorn takes this for the class."""
        protocol: asyncio.Protocol = self.make(self, **options)
        return protocol

    def add(self, connection: OpenConnection, peer: str | None) -> bool:
        """Count a new connection, in place of the oldest quiet one when there are enough; say whether there is room.

        Where its address has its part, that is the oldest of the address.
        """
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = keep(self._sweep, "sweep of HTTP connections")
        address = peer_subscriber(peer, self.room.proxies)
        self._make_room(self._callers.get(address) if address else None)
        self.open[connection] = address
        has_room = len(self.open) <= self.room.limit
        if address:
            caller = self._callers.setdefault(address, _Caller())
            caller.count += 1
            has_room = has_room and caller.count <= self.room.most_of_address
        return has_room

    def _make_room(self, caller: _Caller | None) -> None:
        if caller and caller.count >= self.room.most_of_address and caller.quiet:
            oldest = next(iter(caller.quiet))
        elif len(self.open) >= self.room.limit and self.quiet:
            oldest = next(iter(self.quiet))
        else:
            return
        self._end(oldest, oldest.give_way)

    def rest(self, connection: OpenConnection) -> None:
        """Note that a connection waits for a request, from now on or as before."""
        self.quiet.setdefault(connection)
        if address := self.open.get(connection):
            self._callers[address].quiet.setdefault(connection)

    def wake(self, connection: OpenConnection) -> None:
        """Note that a connection has a request."""
        self.quiet.pop(connection, None)
        if address := self.open.get(connection):
            self._callers[address].quiet.pop(connection, None)

    def remove(self, connection: OpenConnection) -> None:
        """Forget a connection that is closed or about to be; again without harm."""
        self.wake(connection)
        self.hold(connection, 0)
        self.leave_unread(connection, 0)
        if address := self.open.pop(connection, None):
            caller = self._callers[address]
            caller.count -= 1
            if not caller.count:
                del self._callers[address]

    def hold(self, connection: OpenConnection, size: int) -> None:
        """Note how many bytes of an incomplete request a connection holds; too many let the oldest give way."""
        connection.buffered = size
        self._arriving.note(connection, size)
        for oldest in self._arriving.excess():
            oldest.buffered = 0
            self._end(oldest, oldest.give_way)

    def _end(self, connection: OpenConnection, end: Callable[[], None]) -> None:
        """End a connection in a way of its own. One that fails in it is dropped, and no other suffers from it."""
        try:
            end()
        except Exception as error:
            log.warning("closing a connection failed", exc_info=error)
            self.remove(connection)
            with suppress(Exception):
                connection.drop()

    def leave_unread(self, connection: OpenConnection, size: int) -> None:
        """Note how many bytes of an answer wait for their caller; too many end those that wait for longest."""
        self._unread.note(connection, size)
        for oldest in self._unread.excess():
            self._end(oldest, oldest.drop_answer)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = loop.time()
            for connection in [each for each in self.open if each.deadline <= now or each.write_deadline <= now]:
                self._end(connection, connection.expire)
                # Others have their turn after each: ending thousands in one go would hold them up for half a second.
                await asyncio.sleep(0)
