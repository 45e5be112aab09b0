"""Work on many accounts: a few at a time, one step at a time for each; a failure affects its account only."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

import msgspec
import structlog

from fanfare.kernel.clock import Clock
from fanfare.kernel.data import faults
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import Job
from fanfare.kernel.running.tasks import start_task

T = TypeVar("T")

log = structlog.get_logger()

MAX_ACCOUNTS = 3
# How long an account pauses after a step that found nothing to do, and after one that failed for an outage; after other
# failures, `faults` decides.
IDLE_SECONDS = 0.1
FAILED_SECONDS = 1.0


class Done(msgspec.Struct, Generic[T]):
    """The results of work on many accounts, and the accounts for which it failed."""

    results: list[T] = msgspec.field(default_factory=list)
    failed: list[int] = msgspec.field(default_factory=list)


async def for_each(db: Db, account_ids: Iterable[int], work: Callable[[Db, int], Awaitable[T]]) -> Done[T]:
    """Run a command's work for each account in turn. A failure is logged and does not stop the others.

    Transient errors are raised: the next account would fail as well.
    """
    result: Done[T] = Done()
    for account_id in account_ids:
        try:
            result.results.append(await work(db.for_account(account_id), account_id))
        except Exception as error:
            if faults.is_transient(error):
                raise
            log.warning("failed for an account", account_id=account_id, exc_info=error)
            result.failed.append(account_id)
    return result


class Sweep:
    """Runs a job for the accounts that are due."""

    def __init__(self, job: Job, db: Db, clock: Clock) -> None:
        self.job = job
        self.db = db
        self.clock = clock
        self._due: deque[int] = deque()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._paused_until: dict[int, float] = {}
        self._faulty: set[int] = set()

    async def run(self, questions: asyncio.Semaphore) -> None:
        """Run the job once for each account that is due now; `questions` as for `run_forever`."""
        async with questions:
            self._due.extend(await self._ready())
        try:
            while self._due or self._running:
                self._start_steps()
                await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)
                self._remove_finished()
        finally:
            for task in self._running.values():
                task.cancel()

    async def run_forever(self, stopping: asyncio.Event, questions: asyncio.Semaphore) -> None:
        """Run the job repeatedly for all accounts that are due, until `stopping` is set; then finish running steps.

        Sweeps with the same `questions` take turns at asking which accounts are due: together they need few connections
        while there is nothing to do.
        """
        stopped = start_task(_wait_for(stopping), "end of a sweep")
        try:
            while not stopping.is_set():
                if not self._due:
                    async with questions:
                        is_answered = await self._refill()
                    if not is_answered:
                        await asyncio.sleep(FAILED_SECONDS)
                self._start_steps()
                await asyncio.wait(
                    [*self._running.values(), stopped], timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                self._remove_finished()
            await asyncio.gather(*self._running.values())
        finally:
            for task in (stopped, *self._running.values()):
                task.cancel()

    async def _refill(self) -> bool:
        """Add the accounts that are due, each once; return False if nobody could say which."""
        try:
            due = await self._ready()
        except Exception as error:  # noqa: BLE001 - retried soon
            self._log_failure(error)
            return False
        now = time.monotonic()
        self._paused_until = {each: until for each, until in self._paused_until.items() if until > now}
        self._due.extend(each for each in due if each not in self._running and each not in self._paused_until)
        return True

    async def _ready(self) -> list[int]:
        """Return the accounts that are due and not waiting for a retry."""
        now = self.clock()
        due = await self.job.accounts(self.db, now)
        if not due:
            return due
        faulty_accounts = await faults.retry_times(self.db, self.job.name)
        self._faulty = set(faulty_accounts)
        return [each for each in due if each not in faulty_accounts or faulty_accounts[each] <= now]

    def _start_steps(self) -> None:
        while self._due and len(self._running) < MAX_ACCOUNTS:
            account_id = self._due.popleft()
            self._running[account_id] = start_task(self._step(account_id), f"{self.job.name} of an account")

    def _remove_finished(self) -> None:
        self._running = {each: task for each, task in self._running.items() if not task.done()}

    async def _step(self, account_id: int) -> None:
        pause = 0.0
        try:
            if not await self.job.work_for(self.db, self.clock(), account_id):
                pause = IDLE_SECONDS
            if account_id in self._faulty:
                await faults.clear(self.db, account_id, self.job.name, "")
        except Exception as error:  # noqa: BLE001 - affects this account only
            self._log_failure(error, account_id=account_id)
            pause = FAILED_SECONDS
            await self._record_fault(account_id, error)
        if pause:
            self._paused_until[account_id] = time.monotonic() + pause

    async def _record_fault(self, account_id: int, error: Exception) -> None:
        if faults.is_transient(error):
            return
        try:
            await faults.note(self.db, (account_id, self.job.name, ""), faults.description_of(error), self.clock())
        except Exception as another:  # noqa: BLE001 - the account is retried sooner
            self._log_failure(another, account_id=account_id)

    def _log_failure(self, error: Exception, **account_id: int) -> None:
        if faults.is_transient(error):
            log.warning("no database", job=self.job.name, reason=type(error).__name__, **account_id)
        else:
            log.warning("job failed", job=self.job.name, exc_info=error, **account_id)


async def _wait_for(stopping: asyncio.Event) -> None:
    await stopping.wait()
