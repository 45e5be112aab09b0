"""Background tasks whose failures are always logged."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger()

PAUSE_SECONDS = 1.0


def start_task(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Start a background task; an exception is logged. Keep a reference: the loop's own is weak."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_log_failure)
    return task


def keep_running(work: Callable[[], Awaitable[None]], name: str) -> asyncio.Task[None]:
    """Start a task that runs until it returns or is cancelled: an exception is logged and the task is restarted."""
    return start_task(_run_repeatedly(work, name), name)


async def _run_repeatedly(work: Callable[[], Awaitable[None]], name: str) -> None:
    while True:
        try:
            await work()
        except Exception as error:
            log.warning("background work failed", work=name, exc_info=error)
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.warning("background work failed", work=task.get_name(), exc_info=error)
