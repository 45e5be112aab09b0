"""A file in the body of a request, received in parts and never complete in memory."""

from collections.abc import AsyncIterator, Callable


class Upload:
    """The body of a request."""

    def __init__(self, body: AsyncIterator[bytes], progress: Callable[[], None] | None = None) -> None:
        """`progress` is called after each part; without it the complete body must arrive within the time for one."""
        self._body = body
        self._progress = progress

    async def parts(self, size: int) -> AsyncIterator[bytes]:
        """Yield parts of `size` bytes, the last one shorter; raises a Refusal if the body is truncated or too slow."""
        buffer = bytearray()
        async for piece in self._body:
            buffer += piece
            while len(buffer) >= size:
                yield bytes(buffer[:size])
                del buffer[:size]
                if self._progress:
                    self._progress()
        if buffer:
            yield bytes(buffer)
