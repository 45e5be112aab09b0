"""Long work on files of an account in steps, each a transaction: a worker that dies leaves nothing of its step."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

import asyncpg

from fanfare.kernel.data import faults
from fanfare.kernel.data.db import Db

# How long an account works before others get their turn.
TURN_SECONDS = 2.0
MAX_FAILURES = 3
# Of two transactions that wait for each other one is ended: its step is done again, and is nobody's fault.
CONFLICTS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


class Task(Protocol):
    """What is worked on, and how often its step has failed."""

    @property
    def failure_count(self) -> int:
        """Return the number of failures since the last step that succeeded."""


T = TypeVar("T", bound=Task)


class FileWork(NamedTuple, Generic[T]):
    """How a kind of task is worked on.

    `take` locks the oldest task that no other worker has, `step` does a step of it, `fail` ends it with a reason, and
    `count_failure` notes a failure. `reason` returns why an error ends the task at once, None if it does not.
    """

    take: Callable[[Db, int], Awaitable[T | None]]
    step: Callable[[Db, int, T, datetime], Awaitable[None]]
    fail: Callable[[Db, int, T, datetime, str], Awaitable[None]]
    count_failure: Callable[[Db, int, T], Awaitable[object]]
    reason: Callable[[Exception], str | None]


async def work_for_a_turn(db: Db, account_id: int, now: datetime, work: FileWork[T]) -> bool:
    """Work on an account's tasks for a few seconds; return whether there was anything to do.

    A failure that is not transient counts against the task, which ends with the third.
    """
    end = time.monotonic() + TURN_SECONDS
    has_worked = False
    while time.monotonic() < end:
        task: T | None = None
        try:
            async with db.bulk_turn(), db.transaction() as tx:
                task = await work.take(tx, account_id)
                if task is None:
                    return has_worked
                await work.step(tx, account_id, task, now)
        except CONFLICTS:
            pass
        except Exception as error:
            if task is None or not await _is_ended(db, account_id, now, work, task, error):
                raise
        has_worked = True
    return has_worked


async def _is_ended(db: Db, account_id: int, now: datetime, work: FileWork[T], task: T, error: Exception) -> bool:
    """Return whether an error is the task's own, which ends it; count any other that is not transient."""
    reason = work.reason(error)
    if reason is not None:
        await work.fail(db, account_id, task, now, reason)
        return True
    if not faults.is_transient(error):
        if task.failure_count + 1 < MAX_FAILURES:
            await work.count_failure(db, account_id, task)
        else:
            await work.fail(db, account_id, task, now, faults.description_of(error))
    return False
