"""The connections of a server process: how long each may take, how many there may be, and what they may hold.

One sweep a process looks for those whose time is over, so that a packet or a request sets a number and no timer.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

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


class Held(Protocol):
    """What the sweep knows of a connection."""

    # when its step is over, and when it must have taken in more of its answer; as the loop's clock
    deadline: float
    write_deadline: float
    # bytes of a request that has not arrived completely
    held: int

    def expire(self) -> None:
        """End: its time is over."""

    def give_way(self) -> None:
        """End, or let go what it holds: others need the place."""

    def drop_answer(self) -> None:
        """End: its caller does not take the answer in, and others need the memory."""


class Sizes:
    """Bytes of connections, those that have had some for longest first, up to a bound for all together."""

    def __init__(self, most: int) -> None:
        """Take the bound."""
        self.most = most
        self.total = 0
        self._sizes: OrderedDict[Held, int] = OrderedDict()

    def note(self, connection: Held, size: int) -> None:
        """Note what a connection has now; one that had none comes last."""
        self.total += size - self._sizes.get(connection, 0)
        if size:
            self._sizes[connection] = size
        else:
            self._sizes.pop(connection, None)

    def excess(self) -> Iterator[Held]:
        """Yield the oldest, forgotten, until the rest is within the bound."""
        while self.total > self.most and self._sizes:
            connection, size = self._sizes.popitem(last=False)
            self.total -= size
            yield connection


class HttpConnections:
    """All connections of one process, those that wait for a request in the order since when."""

    def __init__(self, make: Any, times: Times, most: int) -> None:  # noqa: ANN401 - a protocol with what uvicorn gives it
        """Take the class of a connection, its times, and how many there may be."""
        self.make = make
        self.times = times
        self.most = most
        self.open: set[Held] = set()
        self.quiet: OrderedDict[Held, None] = OrderedDict()
        self._arriving = Sizes(MAX_HELD_BYTES)
        self._unread = Sizes(MAX_UNREAD_BYTES)
        self._sweeping: asyncio.Task[None] | None = None

    def __call__(self, **given: Any) -> asyncio.Protocol:  # noqa: ANN401 - whatever uvicorn gives
        """Make a connection as it is accepted; uvicorn takes this for the class."""
        made: asyncio.Protocol = self.make(self, **given)
        return made

    def add(self, connection: Held) -> bool:
        """Count a new connection, in place of the oldest quiet one when there are enough; say whether there is room."""
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())
        if len(self.open) >= self.most and self.quiet:
            next(iter(self.quiet)).give_way()
        self.open.add(connection)
        return len(self.open) <= self.most

    def remove(self, connection: Held) -> None:
        """Forget a connection that is closed or about to be; again without harm."""
        self.open.discard(connection)
        self.quiet.pop(connection, None)
        self.hold(connection, 0)
        self.leave_unread(connection, 0)

    def hold(self, connection: Held, held: int) -> None:
        """Note how many bytes of an incomplete request a connection holds; too many let the oldest give way."""
        connection.held = held
        self._arriving.note(connection, held)
        for oldest in self._arriving.excess():
            oldest.held = 0
            oldest.give_way()

    def leave_unread(self, connection: Held, size: int) -> None:
        """Note how many bytes of an answer wait for their caller; too many end those that wait for longest."""
        self._unread.note(connection, size)
        for oldest in self._unread.excess():
            oldest.drop_answer()

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = loop.time()
            for connection in [each for each in self.open if each.deadline <= now or each.write_deadline <= now]:
                connection.expire()
                # Others have their turn after each: ending thousands in one go would hold them up for half a second.
                await asyncio.sleep(0)
