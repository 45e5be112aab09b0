"""Asks the index process of an account, when there is one and it answers in time."""

import asyncio
import time
from weakref import WeakKeyDictionary

import msgspec

from fanfare.audience.protocol import Answer, Look, Question, receive, send
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.shares import Shares

# After this the tables are asked, and for a while no index of the account.
PATIENCE_SECONDS = 0.5
KNOWN_SECONDS = 1.0
# Questions of one process that are asked at once.
MAX_QUESTIONS = 8
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Lines:
    """The ways to index processes of one event loop: where accounts are answered, and connections that are free."""

    def __init__(self) -> None:
        """Begin knowing nothing."""
        self._addresses: dict[int, tuple[str | None, float]] = {}
        self._free: dict[str, list[Streams]] = {}
        self._shares = Shares(MAX_QUESTIONS)

    async def ask(self, db: Db, question: Question | Look, patience: float) -> Answer | None:
        """Return the answer, or None when there is no index or none in time."""
        address = await self._address(db, question.account_id)
        if address is None:
            return None
        try:
            async with asyncio.timeout(patience), self._shares.slot(question.account_id, patience):
                return await self._exchange(address, question)
        except (OSError, EOFError, TimeoutError, msgspec.MsgspecError):
            self._addresses[question.account_id] = None, time.monotonic()
            return None

    async def _address(self, db: Db, account_id: int) -> str | None:
        address, checked_at = self._addresses.get(account_id, (None, 0.0))
        now = time.monotonic()
        if not checked_at or now - checked_at > KNOWN_SECONDS:
            address = await db.value("select address from audience_indexes where account_id = $1", account_id)
            self._addresses[account_id] = address, now
        return address

    async def _exchange(self, address: str, question: Question | Look) -> Answer:
        free = self._free.setdefault(address, [])
        reader, writer = free.pop() if free else await asyncio.open_unix_connection(address)
        try:
            await send(writer, question)
            answer = msgspec.msgpack.decode(await receive(reader), type=Answer)
        except BaseException:
            # What was asked on it would be the answer to the next question.
            writer.close()
            raise
        free.append((reader, writer))
        return answer


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, Lines] = WeakKeyDictionary()


async def ask(db: Db, question: Question | Look, patience: float | None = None) -> Answer | None:
    """Return the index's answer, or None when the tables must be asked."""
    lines = _lines.setdefault(asyncio.get_running_loop(), Lines())
    return await lines.ask(db, question, PATIENCE_SECONDS if patience is None else patience)
