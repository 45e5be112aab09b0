"""An index process: takes its share of the accounts, keeps their indexes and answers questions about them.

Who has an account is decided by an advisory lock of a connection that lasts as long as the process, so a process that
dies leaves its accounts to the others, however it dies. Nothing is lost with it: all is in the tables.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import msgspec
import structlog

from fanfare.audience.index import evaluation
from fanfare.audience.index.account import Audience
from fanfare.audience.process.updater import Behind, IndexUpdater
from fanfare.audience.protocol import Answer, Look, Question, receive, send
from fanfare.kernel.data import faults
from fanfare.kernel.data.db import OUTAGES, Connection, Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.errors import Unavailable
from fanfare.kernel.running.scratch import Scratch
from fanfare.kernel.running.settings import INDEX_POOL_SIZE, Settings
from fanfare.kernel.running.shares import Shares
from fanfare.kernel.running.tasks import begin

log = structlog.get_logger()

SOCKET = "audience"
STATEMENT_SECONDS = 600
TICK_SECONDS = 1.0
STORE_SECONDS = 300.0
# Its locks wait for nobody: a database that takes longer to give them hangs.
LOCK_SECONDS = 10.0
AGAIN_SECONDS = 60.0
# Indexes that are made at once: each holds a connection for as long as that takes.
BUILDS = INDEX_POOL_SIZE // 2
# One question is answered after the other, of each account in turn.
TURN_SECONDS = 10.0
# Under what its faults are noted.
JOB = "segments.audience"
# What each index process holds a share of, by which they count each other.
PRESENT = 2100
UNABLE: tuple[type[BaseException], ...] = (*OUTAGES, Behind, Unavailable, asyncpg.PostgresError)
TAKE = "select pg_try_advisory_lock($1)"
LEAVE = "select pg_advisory_unlock($1)"


class IndexProcess:
    """Answers for the accounts that it could take."""

    def __init__(self, settings: Settings) -> None:
        """Take where the database is and where indexes are stored."""
        self.settings = settings
        self.folder = settings.data_dir.resolve() / "audience"
        self.db = Db()
        self.followers: dict[int, IndexUpdater] = {}
        self.stopping = asyncio.Event()
        self.address = ""
        self._zones: dict[int, str] = {}
        self._lines: set[asyncio.StreamWriter] = set()
        self.ready: set[int] = set()
        self._locks: Connection | None = None
        self._starting: dict[int, asyncio.Task[None]] = {}
        self._builds = asyncio.Semaphore(BUILDS)
        self._turns = Shares(1)
        # When to try again what could not be made.
        self._retry_at: dict[int, float] = {}
        self._stored_at = time.monotonic()

    async def run(self) -> None:
        """Serve until `stop`, through outages of the database; then store every index."""
        part = self.settings.account_share
        await self.db.open(
            self.settings.database_url, size=INDEX_POOL_SIZE, statement_seconds=STATEMENT_SECONDS, share=part
        )
        async with self._listening():
            while not self.stopping.is_set():
                try:
                    await self._tick()
                except OUTAGES as error:
                    log.warning("no database", reason=type(error).__name__)
                    self._drop_all()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), TICK_SECONDS)
        await self._end()

    def stop(self) -> None:
        """Answer nothing more."""
        self.stopping.set()

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Listen where only this user may speak. The folder of the data may lie too deep for a socket's name."""
        with Scratch(SOCKET) as scratch:
            self.address = str(scratch.path / SOCKET)
            server = await asyncio.start_unix_server(self._converse, self.address)
            try:
                yield
            finally:
                server.close()
                for line in self._lines:
                    line.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        try:
            with contextlib.suppress(OSError, EOFError, msgspec.MsgspecError):
                while True:
                    question = msgspec.msgpack.decode(await receive(reader), type=Question | Look)
                    await send(writer, await self.answer(question))
        finally:
            self._lines.discard(writer)
            writer.close()

    async def answer(self, question: Question | Look) -> Answer:
        """Return the answer as of now, or none."""
        follower = self.followers.get(question.account_id)
        if follower is None or question.account_id not in self.ready or question.zone != follower.audience.zone:
            return Answer()
        try:
            audience = await follower.refresh()
        except UNABLE as error:
            log.warning("index query failed", account_id=question.account_id, reason=type(error).__name__)
            return Answer()
        except Exception as error:  # noqa: BLE001 - whatever it is, the tables go on answering
            await self._set_aside(question.account_id, error)
            return Answer()
        try:
            async with self._turns.slot(question.account_id, TURN_SECONDS):
                # Whoever else has a question may line up first.
                await asyncio.sleep(0)
                return _evaluate(audience, question)
        except Exception as error:
            log.warning("index query failed", account_id=question.account_id, exc_info=error)
            return Answer()

    async def _tick(self) -> None:
        """Take accounts up to a fair share, leave those above it, and lead all on."""
        locks = await self._locking()
        rows = await self.db.rows("select account_id, time_zone from accounts order by account_id")
        self._zones = {row["account_id"]: row["time_zone"] for row in rows}
        share = -(-len(rows) // max(await self._processes(locks), 1))
        for account_id, zone in self._zones.items():
            follower = self.followers.get(account_id)
            is_stale = follower is not None and account_id in self.ready and follower.audience.zone != zone
            if is_stale or (follower is not None and len(self.followers) > share):
                await self._leave(locks, account_id)
                continue
            is_due = time.monotonic() > self._retry_at.get(account_id, math.inf)
            is_free = follower is None and len(self.followers) < share
            if is_due or (is_free and await locks.fetchval(TAKE, lock_key("audience", account_id))):
                self._begin(account_id, zone)
        for account_id in self.ready & self.followers.keys():
            await self._lead(account_id)
        if time.monotonic() - self._stored_at > STORE_SECONDS:
            await self._store()

    async def _lead(self, account_id: int) -> None:
        """Lead an account's index on; one that cannot be led is set aside, and the others go on."""
        try:
            await self.followers[account_id].refresh()
        except (Behind, Unavailable):
            return
        except Exception as error:
            if faults.is_transient(error):
                raise
            await self._set_aside(account_id, error)

    async def _set_aside(self, account_id: int, error: Exception) -> None:
        """Answer for an account no more: its bitmaps may be half of this and half of that. It is built anew later."""
        log.warning("index dropped", account_id=account_id, exc_info=error)
        self.ready.discard(account_id)
        self._retry_at[account_id] = time.monotonic() + AGAIN_SECONDS
        with contextlib.suppress(OSError, KeyError):
            self.followers[account_id].file.unlink()
        await self._forget_address(account_id)
        await self._note(account_id, error)

    async def _note(self, account_id: int, error: Exception) -> None:
        with contextlib.suppress(*UNABLE):
            await faults.note(self.db, (account_id, JOB, ""), faults.description_of(error), datetime.now(UTC))

    async def _locking(self) -> Connection:
        """Return the connection that holds the locks. With a lost one its accounts are lost too."""
        if self._locks is None or self._locks.is_closed():
            self._drop_all()
            self._locks = await asyncpg.connect(
                self.settings.database_url,
                timeout=LOCK_SECONDS,
                command_timeout=LOCK_SECONDS,
                server_settings={"application_name": "fanfare index"},
            )
            await self._locks.fetchval("select pg_advisory_lock_shared($1::bigint)", PRESENT)
        return self._locks

    async def _processes(self, locks: Connection) -> int:
        count: int = await locks.fetchval(
            """
            select count(*) from pg_locks l
            where l.locktype = 'advisory' and l.objsubid = 1 and l.classid = 0 and l.objid::bigint = $1::bigint
              and l.granted and l.database = (select oid from pg_database where datname = current_database())
            """,
            PRESENT,
        )
        return count

    def _begin(self, account_id: int, zone: str) -> None:
        self._retry_at.pop(account_id, None)
        self.followers[account_id] = IndexUpdater(self.db.for_account(account_id), account_id, self.folder)
        self._starting[account_id] = begin(self._start(account_id, zone), "start of an index")

    async def _start(self, account_id: int, zone: str) -> None:
        """Make an account's index ready and say where it is answered; one that cannot be made is tried again later."""
        follower, start_time = self.followers[account_id], time.perf_counter()
        try:
            async with self._builds:
                await follower.start(zone)
            await self.db.execute(
                """
                insert into audience_indexes (account_id, address) values ($1, $2)
                on conflict (account_id) do update set address = excluded.address
                """,
                account_id,
                self.address,
            )
            await faults.clear(self.db, account_id, JOB, "")
        except Exception as error:  # noqa: BLE001 - whatever it is, the tables go on answering
            log.warning("index build failed", account_id=account_id, reason=type(error).__name__)
            self._starting.pop(account_id, None)
            self._retry_at[account_id] = time.monotonic() + AGAIN_SECONDS
            if not faults.is_transient(error):
                await self._note(account_id, error)
            return
        self.ready.add(account_id)
        self._starting.pop(account_id, None)
        log.info(
            "index ready", account_id=account_id, origin=follower.origin, fans=len(follower.audience.everyone),
            seconds=round(time.perf_counter() - start_time, 2),
        )  # fmt: skip
        await self._store_one(account_id, follower)

    async def _leave(self, locks: Connection, account_id: int) -> None:
        """Leave an account to another process, with its index stored for it."""
        if account_id in self._starting:
            return
        follower = self.followers.pop(account_id)
        self._retry_at.pop(account_id, None)
        self.ready.discard(account_id)
        await self._forget_address(account_id)
        await self._store_one(account_id, follower)
        await locks.fetchval(LEAVE, lock_key("audience", account_id))

    async def _forget_address(self, account_id: int) -> None:
        sql = "delete from audience_indexes where account_id = $1 and address = $2"
        await self.db.execute(sql, account_id, self.address)

    def _drop_all(self) -> None:
        for task in self._starting.values():
            task.cancel()
        self._starting.clear()
        self._retry_at.clear()
        self.followers.clear()
        self.ready.clear()
        if self._locks is not None:
            self._locks.terminate()
            self._locks = None

    async def _store(self) -> None:
        self._stored_at = time.monotonic()
        for account_id in sorted(self.ready & self.followers.keys()):
            await self._store_one(account_id, self.followers[account_id])

    async def _store_one(self, account_id: int, follower: IndexUpdater) -> None:
        """Store an account's index; one that cannot be stored is built anew by whoever starts next."""
        try:
            await follower.store()
        except Exception as error:  # noqa: BLE001 - it stays with its account
            log.warning("saving the index failed", account_id=account_id, reason=type(error).__name__)

    async def _end(self) -> None:
        with contextlib.suppress(*OUTAGES):
            for account_id in self.ready:
                await self._forget_address(account_id)
            await self._store()
        self._drop_all()
        await self.db.close()


def _evaluate(audience: Audience, question: Question | Look) -> Answer:
    if isinstance(question, Look):
        return Answer(matches=evaluation.matches(audience, question.plans, question.fan_ids))
    if question.ages is not None:
        return Answer(statistics=evaluation.statistics(audience, question.plan, question.ages))
    return Answer(count=evaluation.count(audience, question.plan))
