"""Long work on files: what a conflict with another transaction does to a task."""

from datetime import UTC, datetime

import msgspec
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.file_work import MAX_FAILURES, FileWork, work_for_a_turn

CONFLICT = "do $$ begin raise exception 'one of two has to end' using errcode = '{code}'; end $$"


class _Task(msgspec.Struct):
    failure_count: int = 0
    is_done: bool = False


@pytest.mark.parametrize("code", ["40P01", "40001"])
async def test_a_task_does_not_end_for_conflicts_with_others(db: Db, code: str) -> None:
    task, steps = _Task(), 0

    async def take(tx: Db, account_id: int) -> _Task | None:
        del tx, account_id
        return None if task.is_done else task

    async def step(tx: Db, account_id: int, current: _Task, now: datetime) -> None:
        nonlocal steps
        del account_id, now
        steps += 1
        if steps <= MAX_FAILURES + 1:
            await tx.execute(CONFLICT.format(code=code))
        current.is_done = True

    async def fail(tx: Db, account_id: int, current: _Task, now: datetime, reason: str) -> None:
        del tx, account_id, current, now
        pytest.fail(reason)

    async def count_failure(tx: Db, account_id: int, current: _Task) -> None:
        del tx, account_id
        current.failure_count += 1

    work = FileWork(take, step, fail, count_failure, lambda _: None)
    assert await work_for_a_turn(db, 1, datetime.now(UTC), work)
    assert (task.is_done, task.failure_count) == (True, 0)
