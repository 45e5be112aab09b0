"""A value that is made when it is first asked for, in a thread, once however many ask at the same time."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Such a value."""

    def __init__(self, make: Callable[[], T]) -> None:
        """Take what makes it."""
        self._make = make
        self._making: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Return the value; one that could not be made is made again for the next who asks."""
        if self._making is None or (self._making.done() and self._making.exception() is not None):
            self._making = asyncio.create_task(asyncio.to_thread(self._make))
        return await asyncio.shield(self._making)
