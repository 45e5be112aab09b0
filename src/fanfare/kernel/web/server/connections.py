"""The connections of a server process: how long each may take, how many there may be, and what they may hold.

One sweep a process looks for those whose time is over, so that a packet or a request sets a number and no timer.
"""

import asyncio
import math
from collections import OrderedDict
from typing import Any, NamedTuple, Protocol

SWEEP_SECONDS = 0.5
# Requests that have not arrived completely, heads and bodies, of all connections together.
MAX_HELD_BYTES = 64 * 1024 * 1024
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


class HttpConnections:
    """All connections of one process, those that wait for a request in the order since when."""

    def __init__(self, make: Any, times: Times, most: int) -> None:  # noqa: ANN401 - a protocol with what uvicorn gives it
        """Take the class of a connection, its times, and how many there may be."""
        self.make = make
        self.times = times
        self.most = most
        self.open: set[Held] = set()
        self.quiet: OrderedDict[Held, None] = OrderedDict()
        self._arriving: OrderedDict[Held, None] = OrderedDict()
        self._held = 0
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

    def hold(self, connection: Held, held: int) -> None:
        """Note how many bytes of an incomplete request a connection holds; too many let the oldest give way."""
        self._held += held - connection.held
        connection.held = held
        if not held:
            self._arriving.pop(connection, None)
            return
        self._arriving.setdefault(connection)
        while self._held > MAX_HELD_BYTES and self._arriving:
            oldest, _ = self._arriving.popitem(last=False)
            self._held -= oldest.held
            oldest.held = 0
            oldest.give_way()

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = loop.time()
            for connection in [each for each in self.open if each.deadline <= now or each.write_deadline <= now]:
                connection.expire()
                # Others have their turn after each: ending thousands in one go would hold them up for half a second.
                await asyncio.sleep(0)
