"""A value computed in a thread on first use, once for all concurrent callers."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """A value that is computed on first use."""

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._task: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Return the value; if computing it failed, the next call tries again."""
        if self._task is None or (self._task.done() and self._task.exception() is not None):
            self._task = asyncio.create_task(asyncio.to_thread(self._compute))
        return await asyncio.shield(self._task)
