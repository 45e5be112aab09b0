"""The worker process: takes jobs from the queue and runs them until it is stopped."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

import asyncpg
import structlog
from pgqueuer import PgQueuer
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.errors import FailingListenerError, RetryRequested
from pgqueuer.domain.types import Channel
from pgqueuer.models import Job as Queued
from pgqueuer.models import Schedule

from fanfare.kernel.clock import Clock, system_clock
from fanfare.kernel.data.changes import accounts_with_changes, trim_changes
from fanfare.kernel.data.db import OUTAGES, Db
from fanfare.kernel.data.jobs import CHANNEL, Job, queue_settings, schedule
from fanfare.kernel.data.retention import CHANGES, oldest
from fanfare.kernel.data.sweeps import Sweep
from fanfare.kernel.running.settings import QUEUE_CONNECTIONS, Settings
from fanfare.kernel.running.tasks import keep_running, start_task

log = structlog.get_logger()

MAX_DELAY = timedelta(minutes=5)
OUTAGE_PAUSE = 1.0
# The last one: the connection that listens for new jobs was lost or timed out.
NO_DATABASE: tuple[type[BaseException], ...] = (*OUTAGES, FailingListenerError)
# A generous timeout, since statements of the queue are short.
QUEUE_SECONDS = 30.0
CLOSE_SECONDS = 2.0
# The queue asks for jobs every half minute; a connection that it used only then is closed between.
SPARE_SECONDS = 15.0
# Sweeps that ask at the same time which accounts are due: one that is slow does not stop the others.
QUESTIONS = 2
# Between two steps of continuous work that found nothing to do.
IDLE_PAUSE = 0.1
RETENTION_DAYS = 7
FORGET_AT = "17 * * * *"
TRIM_AT = "47 3 * * *"


class Failed(Exception):  # noqa: N818 - stored by the queue
    """A job failed. It names only the type of the exception, since a message may quote personal data."""


class Worker:
    """Runs the jobs of some modules; there is one in each worker process."""

    def __init__(self, settings: Settings, jobs: Sequence[Job], clock: Clock = system_clock) -> None:
        self.settings = settings
        self.jobs = jobs
        self.clock = clock
        self.stopping = asyncio.Event()
        self._questions = asyncio.Semaphore(QUESTIONS)
        self._db = Db()

    async def run(self) -> None:
        """Work until `stop`, also through outages of the database. Running jobs are finished first."""
        settings = self.settings
        await self._db.open(settings.database_url, size=settings.worker_pool_size, share=settings.account_share)
        try:
            while not self.stopping.is_set():
                try:
                    await self._work()
                except NO_DATABASE as error:
                    log.warning("no database", reason=type(error).__name__)
                    await self._pause()
        finally:
            await self._db.close()

    def stop(self) -> None:
        """Take no more jobs."""
        self.stopping.set()

    async def _run_endless(self, job: Job) -> None:
        """Run continuous work, one step after the other, until the worker stops."""
        if job.each is not None:
            await Sweep(job, self._db, self.clock).run_forever(self.stopping, self._questions)
            return
        while not self.stopping.is_set():
            try:
                if not await job.work(self._db, self.clock(), None):
                    await self._pause(IDLE_PAUSE)
            except Exception as error:
                if not isinstance(error, OUTAGES):
                    log.warning("job failed", job=job.name, exc_info=error)
                await self._pause(OUTAGE_PAUSE)

    async def _finish(self, endless: Sequence["asyncio.Task[None]"]) -> None:
        """Let current steps finish if the worker stops; cancel them if the queue was lost."""
        for task in endless:
            if not self.stopping.is_set():
                task.cancel()
        await asyncio.gather(*endless, return_exceptions=True)

    async def _pause(self, seconds: float = OUTAGE_PAUSE) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _work(self) -> None:
        async with self._queue_pool() as pool:
            driver = AsyncpgPoolDriver(pool)
            # The queue asks itself at once whether it hears what is announced, and begins to listen only meanwhile.
            await driver.add_listener(CHANNEL, ignore)
            queue = self._queue(driver)
            reporting = start_task(self._shut_down_queue(queue), "end of the queue")
            endless = [keep_running(partial(self._run_endless, job), job.name) for job in self.jobs if job.is_endless]
            try:
                await queue.run(
                    heartbeat_timeout=timedelta(seconds=self.settings.heartbeat_seconds),
                    dequeue_timeout=timedelta(seconds=min(30.0, self.settings.heartbeat_seconds)),
                    shutdown_on_listener_failure=True,
                )
            finally:
                reporting.cancel()
                await self._finish(endless)

    @asynccontextmanager
    async def _queue_pool(self) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
        """Yield the queue's own connections; a pool that hangs is terminated, since closing it would never end."""
        pool = await asyncpg.create_pool(
            self.settings.database_url,
            min_size=1,
            max_size=QUEUE_CONNECTIONS,
            timeout=QUEUE_SECONDS,
            command_timeout=QUEUE_SECONDS,
            max_inactive_connection_lifetime=SPARE_SECONDS,
            server_settings={"application_name": "fanfare queue", "timezone": "UTC", "jit": "off"},
        )
        try:
            yield pool
        finally:
            try:
                await asyncio.wait_for(pool.close(), CLOSE_SECONDS)
            except OUTAGES:
                pool.terminate()

    async def _shut_down_queue(self, queue: PgQueuer) -> None:
        await self.stopping.wait()
        queue.shutdown.set()

    def _queue(self, driver: AsyncpgPoolDriver) -> PgQueuer:
        names = queue_settings()
        queries = Queries(
            driver,
            qbe=QueryBuilderEnvironment(settings=names),
            qbq=QueryQueueBuilder(settings=names),
            qbs=QuerySchedulerBuilder(settings=names),
        )
        queue = PgQueuer(driver, channel=Channel(CHANNEL), queries=queries)
        for job in (*self.jobs, *self.own_jobs()):
            if job.is_endless:
                continue
            if job.crontab is None:
                queue.entrypoint(job.name, concurrency_limit=job.concurrency, accepts_context=False, on_failure="hold")(
                    partial(self._run_job, job)
                )
            else:
                queue.schedule(job.name, job.crontab, accepts_context=False, clean_old=True)(
                    partial(self._run_scheduled, job)
                )
        return queue

    def own_jobs(self) -> list[Job]:
        """Return the kernel's own jobs."""
        trim = Job("kernel.trim", self.trim, TRIM_AT, each=accounts_with_changes)
        return [Job("kernel.forget_done", forget_done, FORGET_AT), trim]

    async def trim(self, db: Db, account_id: int, now: datetime) -> None:
        """Delete the changes of an account that are older than the settings, or the account, allow."""
        longest = timedelta(days=self.settings.changes_days)
        await trim_changes(db, account_id, await oldest(db, account_id, CHANGES, longest, now))

    async def _run_job(self, job: Job, queued: Queued) -> None:
        with structlog.contextvars.bound_contextvars(job=job.name, job_id=int(queued.id)):
            try:
                account_id = (queued.headers or {}).get("account_id")
                db = self._db.for_account(account_id) if isinstance(account_id, int) else self._db
                await job.work(db, self.clock(), queued.payload)
            except Exception as error:
                kind = type(error).__qualname__
                attempt = queued.attempts + 1
                log.warning("job failed", attempt=attempt, exc_info=error)
                if attempt >= job.max_attempts:
                    raise Failed(kind) from None
                delay = min(timedelta(seconds=2**queued.attempts), MAX_DELAY)
                raise RetryRequested(delay, kind) from None

    async def _run_scheduled(self, job: Job, _: Schedule) -> None:
        with structlog.contextvars.bound_contextvars(job=job.name):
            try:
                if job.each is not None:
                    await Sweep(job, self._db, self.clock).run(self._questions)
                else:
                    await job.work(self._db, self.clock(), None)
            except Exception as error:
                log.warning("job failed", exc_info=error)


def ignore(_: str | bytes | bytearray) -> None:
    """Leave an announcement to the queue's own listener."""


@schedule(FORGET_AT)
async def forget_done(db: Db) -> None:
    """Delete the queue's records of jobs that finished or failed more than seven days ago."""
    for table in ("pgqueuer_log", "pgqueuer_statistics"):
        await db.execute(f"delete from jobs.{table} where created < now() - make_interval(days => $1)", RETENTION_DAYS)  # noqa: S608 - constants
    await db.execute(
        "delete from jobs.pgqueuer where status = 'failed' and updated < now() - make_interval(days => $1)",
        RETENTION_DAYS,
    )


async def work(settings: Settings, jobs: Sequence[Job]) -> None:
    """Run a worker until SIGTERM or SIGINT."""
    worker = Worker(settings, jobs)
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, worker.stop)
    log.info("working", jobs=len(jobs))
    await worker.run()
