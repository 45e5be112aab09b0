"""Transfers between storages and this installation: a worker has a few at a time, each for a turn, with a lease.

A worker that dies is followed by another one when its lease ends. No connection of the database waits for a service.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Generic, NamedTuple, TypeVar

import structlog

from fanfare.kernel.clock import Clock, system_clock
from fanfare.kernel.data import faults
from fanfare.kernel.data.db import OUTAGES, Db
from fanfare.kernel.running.tasks import start_task
from fanfare.storages.gateways.faults import StorageFault

log = structlog.get_logger()
T = TypeVar("T")

# Of a worker, and of one account of them; each has a part in memory.
MAX_TRANSFERS = 8
MAX_OF_ACCOUNT = 2
LEASE = timedelta(seconds=30)
RENEW_SECONDS = 10.0
# After this a transfer gives its place to others.
TURN_SECONDS = 20.0
# How long after each failure the next try follows; after the last one the transfer fails.
WAITS = tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 1800, 3600, 7200))


class Work(NamedTuple, Generic[T]):
    """A kind of transfers.

    `claim` takes some that are due until a lease ends, `renew` moves that end on, `run` works for a turn, and `fail`
    has one tried again later, or ends it.
    """

    claim: Callable[[Db, int, int, datetime, datetime], Awaitable[list[T]]]
    renew: Callable[[Db, int, T, datetime], Awaitable[object]]
    run: Callable[[Db, int, T, Clock], Awaitable[None]]
    fail: Callable[[Db, int, T, datetime, StorageFault], Awaitable[None]]


class Transfers(Generic[T]):
    """The transfers of one kind that this worker has."""

    def __init__(self, work: Work[T]) -> None:
        self._work = work
        self._tasks: dict[asyncio.Task[None], int] = {}

    async def start(self, db: Db, account_id: int, now: datetime, clock: Clock = system_clock) -> bool:
        """Claim transfers of an account that are due and begin with them; return whether there were any."""
        of_account = sum(each == account_id for each in self._tasks.values())
        room = min(MAX_TRANSFERS - len(self._tasks), MAX_OF_ACCOUNT - of_account)
        claims = await self._work.claim(db, account_id, room, now, now + LEASE) if room > 0 else []
        for each in claims:
            task = db.leave(self._run(db.for_account(account_id), account_id, each, clock))
            self._tasks[task] = account_id
            task.add_done_callback(partial(self._tasks.pop))
        return bool(claims)

    async def finish(self) -> None:
        """Wait until none goes on."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))
            await asyncio.sleep(0)

    async def _run(self, db: Db, account_id: int, claim: T, clock: Clock) -> None:
        renewing = start_task(self._renew(db, account_id, claim, clock), "lease of a transfer")
        try:
            await self._work.run(db, account_id, claim, clock)
        except Exception as error:
            if faults.is_transient(error):
                # The lease ends by itself, and another worker goes on.
                log.warning("transfer interrupted", account_id=account_id, reason=type(error).__name__)
                return
            log.warning("transfer failed", account_id=account_id, exc_info=error)
            await self._work.fail(db, account_id, claim, clock(), StorageFault(faults.description_of(error)))
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _renew(self, db: Db, account_id: int, claim: T, clock: Clock) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(*OUTAGES):
                await self._work.renew(db, account_id, claim, clock() + LEASE)


@cache
def _transfers_of(_: asyncio.AbstractEventLoop, work: Work[T]) -> Transfers[T]:
    return Transfers(work)


def running_transfers(work: Work[T]) -> Transfers[T]:
    """Return the transfers of a kind that the running event loop has."""
    return _transfers_of(asyncio.get_running_loop(), work)


def next_try(failure_count: int, now: datetime) -> datetime | None:
    """Return when to try again after so many failures; None for never."""
    return now + WAITS[failure_count - 1] if failure_count <= len(WAITS) else None
