"""An index process: takes a share of the accounts, keeps their indexes up to date, and answers queries about them.

An advisory lock assigns an account to a process. It is held on a connection that lives as long as the process, so the
accounts of a process that dies, in whatever way, are free for the others. No data is lost: it is in the tables.
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
from fanfare.audience.index.account import AccountIndex
from fanfare.audience.process.updater import IndexUnavailable, IndexUpdater
from fanfare.audience.protocol import Answer, MembersQuery, NextQuery, Query, SetQuery, receive, send
from fanfare.kernel.data import faults
from fanfare.kernel.data.db import OUTAGES, Connection, Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.errors import Unavailable
from fanfare.kernel.running.scratch import Scratch
from fanfare.kernel.running.settings import INDEX_POOL_SIZE, Settings
from fanfare.kernel.running.shares import Shares
from fanfare.kernel.running.tasks import start_task

log = structlog.get_logger()

SOCKET = "audience"
STATEMENT_SECONDS = 600
TICK_SECONDS = 1.0
SAVE_SECONDS = 300.0
# Locks are only tried, never waited for: a statement that takes longer means that the database hangs.
LOCK_SECONDS = 10.0
RETRY_SECONDS = 60.0
# Indexes built at the same time; each build holds a connection.
MAX_BUILDS = INDEX_POOL_SIZE // 2
# Queries are answered one at a time, with fair turns between accounts. One waits at most this long.
TURN_SECONDS = 10.0
# The job name under which faults are recorded.
JOB = "segments.audience"
# Each index process holds this lock in shared mode, so that they can count each other.
PROCESS_LOCK = 2100
EXPECTED_ERRORS: tuple[type[BaseException], ...] = (*OUTAGES, IndexUnavailable, Unavailable, asyncpg.PostgresError)
TRY_LOCK = "select pg_try_advisory_lock($1)"
UNLOCK = "select pg_advisory_unlock($1)"


class IndexProcess:
    """An index process. `updaters` are the indexes of its accounts, `ready` the accounts whose index can answer."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.data_dir.resolve() / "audience"
        self.db = Db()
        self.updaters: dict[int, IndexUpdater] = {}
        self.stopping = asyncio.Event()
        self.address = ""
        self._zones: dict[int, str] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self.ready: set[int] = set()
        self._locks: Connection | None = None
        self._starting: dict[int, asyncio.Task[None]] = {}
        self._builds = asyncio.Semaphore(MAX_BUILDS)
        self._query_turns = Shares(1)
        # By account: when to retry a failed build (monotonic time).
        self._retry_at: dict[int, float] = {}
        self._saved_at = time.monotonic()

    async def run(self) -> None:
        """Serve until `stop`, also through outages of the database; then save every index."""
        part = self.settings.account_share
        await self.db.open(
            self.settings.database_url, size=INDEX_POOL_SIZE, statement_seconds=STATEMENT_SECONDS, share=part
        )
        async with self._listening():
            while not self.stopping.is_set():
                try:
                    await self._assign_accounts()
                except OUTAGES as error:
                    log.warning("no database", reason=type(error).__name__)
                    self._drop_all()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), TICK_SECONDS)
        await self._shut_down()

    def stop(self) -> None:
        """End `run`."""
        self.stopping.set()

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Listen on a Unix socket that only this user can access.

        It is in a scratch folder, since the path of the data folder may be too long for the name of a socket.
        """
        with Scratch(SOCKET) as scratch:
            self.address = str(scratch.path / SOCKET)
            server = await asyncio.start_unix_server(self._serve_client, self.address)
            try:
                yield
            finally:
                server.close()
                for writer in self._writers:
                    writer.close()

    async def _serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, EOFError, msgspec.MsgspecError):
                while True:
                    query = msgspec.msgpack.decode(await receive(reader), type=Query)
                    await send(writer, await self.answer(query))
        finally:
            self._writers.discard(writer)
            writer.close()

    async def answer(self, query: Query) -> Answer:
        """Return the answer as of now, empty if this process cannot answer for the account or its time zone."""
        updater = self.updaters.get(query.account_id)
        if updater is None or query.account_id not in self.ready or query.zone != updater.index.zone:
            return Answer()
        try:
            index = await updater.refresh()
        except EXPECTED_ERRORS as error:
            log.warning("index query failed", account_id=query.account_id, reason=type(error).__name__)
            return Answer()
        except Exception as error:  # noqa: BLE001 - whatever fails here, SQL still answers
            await self._drop(query.account_id, error)
            return Answer()
        try:
            async with self._query_turns.slot(query.account_id, TURN_SECONDS):
                # Let other queries join the queue first.
                await asyncio.sleep(0)
                return evaluate(index, query)
        except Exception as error:
            log.warning("index query failed", account_id=query.account_id, exc_info=error)
            return Answer()

    async def _assign_accounts(self) -> None:
        """Take accounts up to a fair share, release those above it, and update all indexes."""
        locks = await self._lock_connection()
        rows = await self.db.rows("select account_id, time_zone from accounts order by account_id")
        self._zones = {row["account_id"]: row["time_zone"] for row in rows}
        share = -(-len(rows) // max(await self._process_count(locks), 1))
        for account_id, zone in self._zones.items():
            updater = self.updaters.get(account_id)
            is_stale = updater is not None and account_id in self.ready and updater.index.zone != zone
            if is_stale or (updater is not None and len(self.updaters) > share):
                await self._release(locks, account_id)
                continue
            is_due = time.monotonic() > self._retry_at.get(account_id, math.inf)
            is_free = updater is None and len(self.updaters) < share
            if is_due or (is_free and await locks.fetchval(TRY_LOCK, lock_key("audience", account_id))):
                self._acquire(account_id, zone)
        for account_id in self.ready & self.updaters.keys():
            await self._refresh(account_id)
        if time.monotonic() - self._saved_at > SAVE_SECONDS:
            await self._save()

    async def _refresh(self, account_id: int) -> None:
        """Update the index of an account; drop it if that fails, so that the others continue."""
        try:
            await self.updaters[account_id].refresh()
        except (IndexUnavailable, Unavailable):
            return
        except Exception as error:
            if faults.is_transient(error):
                raise
            await self._drop(account_id, error)

    async def _drop(self, account_id: int, error: Exception) -> None:
        """Stop answering for an account whose index may be inconsistent; it is built again after `RETRY_SECONDS`."""
        log.warning("index dropped", account_id=account_id, exc_info=error)
        self.ready.discard(account_id)
        self._retry_at[account_id] = time.monotonic() + RETRY_SECONDS
        with contextlib.suppress(OSError, KeyError):
            self.updaters[account_id].file.unlink()
        await self._withdraw(account_id)
        await self._record_fault(account_id, error)

    async def _record_fault(self, account_id: int, error: Exception) -> None:
        with contextlib.suppress(*EXPECTED_ERRORS):
            await faults.note(self.db, (account_id, JOB, ""), faults.description_of(error), datetime.now(UTC))

    async def _lock_connection(self) -> Connection:
        """Return the connection that holds the locks, after dropping all accounts if the last connection was lost."""
        if self._locks is None or self._locks.is_closed():
            self._drop_all()
            self._locks = await asyncpg.connect(
                self.settings.database_url,
                timeout=LOCK_SECONDS,
                command_timeout=LOCK_SECONDS,
                server_settings={"application_name": "fanfare index"},
            )
            await self._locks.fetchval("select pg_advisory_lock_shared($1::bigint)", PROCESS_LOCK)
        return self._locks

    async def _process_count(self, locks: Connection) -> int:
        count: int = await locks.fetchval(
            """
            select count(*) from pg_locks l
            where l.locktype = 'advisory' and l.objsubid = 1 and l.classid = 0 and l.objid::bigint = $1::bigint
              and l.granted and l.database = (select oid from pg_database where datname = current_database())
            """,
            PROCESS_LOCK,
        )
        return count

    def _acquire(self, account_id: int, zone: str) -> None:
        self._retry_at.pop(account_id, None)
        self.updaters[account_id] = IndexUpdater(self.db.for_account(account_id), account_id, self.folder)
        self._starting[account_id] = start_task(self._start(account_id, zone), "start of an index")

    async def _start(self, account_id: int, zone: str) -> None:
        """Load or build the index of an account and publish its address; after a failure it is tried again later."""
        updater, start_time = self.updaters[account_id], time.perf_counter()
        try:
            async with self._builds:
                await updater.start(zone)
            await self.db.execute(
                """
                insert into audience_indexes (account_id, address) values ($1, $2)
                on conflict (account_id) do update set address = excluded.address
                """,
                account_id,
                self.address,
            )
            await faults.clear(self.db, account_id, JOB, "")
        except Exception as error:  # noqa: BLE001 - whatever fails here, SQL still answers
            log.warning("index build failed", account_id=account_id, reason=type(error).__name__)
            self._starting.pop(account_id, None)
            self._retry_at[account_id] = time.monotonic() + RETRY_SECONDS
            if not faults.is_transient(error):
                await self._record_fault(account_id, error)
            return
        self.ready.add(account_id)
        self._starting.pop(account_id, None)
        log.info(
            "index ready", account_id=account_id, origin=updater.origin, fans=len(updater.index.fans),
            seconds=round(time.perf_counter() - start_time, 2),
        )  # fmt: skip
        await self._save_one(account_id, updater)

    async def _release(self, locks: Connection, account_id: int) -> None:
        """Save the index of an account and release the account for another process."""
        if account_id in self._starting:
            return
        updater = self.updaters.pop(account_id)
        self._retry_at.pop(account_id, None)
        self.ready.discard(account_id)
        await self._withdraw(account_id)
        await self._save_one(account_id, updater)
        await locks.fetchval(UNLOCK, lock_key("audience", account_id))

    async def _withdraw(self, account_id: int) -> None:
        sql = "delete from audience_indexes where account_id = $1 and address = $2"
        await self.db.execute(sql, account_id, self.address)

    def _drop_all(self) -> None:
        for task in self._starting.values():
            task.cancel()
        self._starting.clear()
        self._retry_at.clear()
        self.updaters.clear()
        self.ready.clear()
        if self._locks is not None:
            self._locks.terminate()
            self._locks = None

    async def _save(self) -> None:
        self._saved_at = time.monotonic()
        for account_id in sorted(self.ready & self.updaters.keys()):
            await self._save_one(account_id, self.updaters[account_id])

    async def _save_one(self, account_id: int, updater: IndexUpdater) -> None:
        """Save the index of an account; after a failure the next process builds it from the tables."""
        try:
            await updater.save()
        except Exception as error:  # noqa: BLE001 - a failure affects only its account
            log.warning("saving the index failed", account_id=account_id, reason=type(error).__name__)

    async def _shut_down(self) -> None:
        with contextlib.suppress(*OUTAGES):
            for account_id in self.ready:
                await self._withdraw(account_id)
            await self._save()
        self._drop_all()
        await self.db.close()


def evaluate(index: AccountIndex, query: Query) -> Answer:
    """Return the answer of an index to a query."""
    if isinstance(query, MembersQuery):
        return Answer(matches=evaluation.matches(index, query.plans, query.fan_ids))
    if isinstance(query, NextQuery):
        return Answer(matches=[evaluation.next_fans(index, query.plan, query.last_fan_id, query.limit)])
    if isinstance(query, SetQuery):
        return Answer(fan_set=evaluation.fan_set(index, query.plan, query.first_count, query.max_count))
    if query.stats is not None:
        return Answer(statistics=evaluation.statistics(index, query.plan, query.stats))
    if query.has_reach:
        return Answer(reach=evaluation.reach(index, query.plan))
    return Answer(count=evaluation.count(index, query.plan))
