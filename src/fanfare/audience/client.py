"""The client of the index processes."""

import asyncio
import time
from weakref import WeakKeyDictionary

import msgspec

from fanfare.audience.protocol import Answer, Query, receive, send
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.shares import Shares

# After this the caller uses SQL, and this process does not ask the account's index for `ADDRESS_SECONDS`.
TIMEOUT_SECONDS = 0.5
ADDRESS_SECONDS = 1.0
# Simultaneous queries of this process.
MAX_QUERIES = 8
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connections:
    """The addresses of accounts' indexes, and idle connections to them, of one event loop."""

    def __init__(self) -> None:
        self._addresses: dict[int, tuple[str | None, float]] = {}
        self._idle: dict[str, list[Streams]] = {}
        self._shares = Shares(MAX_QUERIES)

    async def ask(self, db: Db, query: Query, timeout_seconds: float) -> Answer | None:
        """Return the answer, or None without an index or an answer in time."""
        address = await self._address(db, query.account_id)
        if address is None:
            return None
        try:
            async with asyncio.timeout(timeout_seconds), self._shares.slot(query.account_id, timeout_seconds):
                return await self._exchange(address, query)
        except (OSError, EOFError, TimeoutError, msgspec.MsgspecError):
            self._addresses[query.account_id] = None, time.monotonic()
            return None

    async def _address(self, db: Db, account_id: int) -> str | None:
        address, checked_at = self._addresses.get(account_id, (None, 0.0))
        now = time.monotonic()
        if not checked_at or now - checked_at > ADDRESS_SECONDS:
            address = await db.value("select address from audience_indexes where account_id = $1", account_id)
            self._addresses[account_id] = address, now
        return address

    async def _exchange(self, address: str, query: Query) -> Answer:
        idle = self._idle.setdefault(address, [])
        reader, writer = idle.pop() if idle else await asyncio.open_unix_connection(address)
        try:
            await send(writer, query)
            answer = msgspec.msgpack.decode(await receive(reader), type=Answer)
        except BaseException:
            # The connection would return the answer to this query as the answer to the next one.
            writer.close()
            raise
        idle.append((reader, writer))
        return answer


_connections: WeakKeyDictionary[asyncio.AbstractEventLoop, Connections] = WeakKeyDictionary()


async def ask(db: Db, query: Query, timeout_seconds: float | None = None) -> Answer | None:
    """Return the answer of the account's index, or None when there is no index or it does not answer in time."""
    connections = _connections.setdefault(asyncio.get_running_loop(), Connections())
    return await connections.ask(db, query, TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds)
