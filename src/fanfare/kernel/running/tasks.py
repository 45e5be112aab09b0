"""Work beside the calls: none of it ends in silence."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger()

PAUSE_SECONDS = 1.0


def begin(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Start work that nobody waits for; what it raises is logged. Keep the task: the loop alone does not."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_tell)
    return task


def keep(work: Callable[[], Awaitable[None]], name: str) -> asyncio.Task[None]:
    """Start work that goes on until it returns or is cancelled: what it raises is logged, and it is started again."""
    return begin(_go_on(work, name), name)


async def _go_on(work: Callable[[], Awaitable[None]], name: str) -> None:
    while True:
        try:
            await work()
        except Exception as error:
            log.warning("background work failed", work=name, exc_info=error)
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.warning("background work failed", work=task.get_name(), exc_info=error)
