"""Work that runs when an answer has been sent, in a transaction that commits after the last byte.

The answer is sent except for its last byte, and we wait until the server has accepted it. The work runs, the last byte
is sent if the connection is still open, and the transaction commits. Nobody has the complete answer before the work
holds its locks, so the client's next request, which may come at once and to another process, waits for the commit. The
work is therefore never committed without the complete answer having been sent. The converse can happen: if the commit
fails, or the server is killed before it, everything stays as it was although the answer went out, and the client gets
the same answer again. A client that half-closes its connection counts as disconnected: the two look the same.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import Any

import structlog

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery, Work
from fanfare.kernel.running.tasks import start_task

log = structlog.get_logger()

# The key of the Delivery in the ASGI scope of its request.
SCOPE_KEY = "fanfare.delivery"
BODY = "http.response.body"


class DeliveryMiddleware:
    """ASGI middleware that sends the stream of a Delivery, or runs its work with the last byte of its answer."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - any ASGI application
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Handle a request."""

        def send_with_work(message: dict[str, Any]) -> Awaitable[None]:
            delivery: Delivery | None = scope.get(SCOPE_KEY)
            if delivery is not None and delivery.parts is not None:
                return _send_stream(message, delivery.parts, receive, send)
            if delivery is None or delivery.work is None or message["type"] != BODY or message.get("more_body", False):
                sending: Awaitable[None] = send(message)
                return sending
            return _send_with_work(message, delivery.work, delivery.db, receive, send)

        await self.app(scope, receive, send_with_work)


async def _send_stream(message: dict[str, Any], parts: AsyncGenerator[bytes, None], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Send the head without a length; then, instead of the body, the parts until they end or the client disconnects."""
    if message["type"] != BODY:
        headers = [each for each in message["headers"] if each[0] != b"content-length"]
        await send({**message, "headers": headers})
        return
    sending = start_task(_send_parts(parts, send), "stream")
    closed = start_task(_wait_until_closed(receive), "end of a stream")
    try:
        await asyncio.wait({sending, closed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, closed):
            task.cancel()
        await asyncio.gather(sending, closed, return_exceptions=True)
    if sending.cancelled():
        # A client that only half-closed its connection gets the end.
        await send({"type": BODY, "body": b"", "more_body": False})


async def _send_parts(parts: AsyncGenerator[bytes, None], send: Any) -> None:  # noqa: ANN401 - ASGI
    async with aclosing(parts):
        async for part in parts:
            await send({"type": BODY, "body": part, "more_body": True})
    await send({"type": BODY, "body": b"", "more_body": False})


async def _wait_until_closed(receive: Any) -> None:  # noqa: ANN401 - ASGI
    while (await receive())["type"] != "http.disconnect":
        pass


class _Disconnected(Exception):  # noqa: N818 - never leaves this module
    """The client disconnected; rolls the work back."""


async def _send_with_work(message: dict[str, Any], work: Work, db: Db, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    body = message.get("body", b"")
    await send({"type": BODY, "body": body[:-1], "more_body": True})
    # send() returns only when the server has flushed enough of the part before.
    await send({"type": BODY, "body": b"", "more_body": True})
    last = {"type": BODY, "body": body[-1:], "more_body": False}
    is_sent = False
    try:
        async with db.transaction() as tx:
            await work(tx)
            if await _is_closed(receive):
                raise _Disconnected  # noqa: TRY301 - rolls the work back
            await send(last)
            is_sent = True
    except _Disconnected:
        # A client that only half-closed its connection still gets the complete answer.
        await send(last)
    except Exception as error:
        if not is_sent:
            # The answer stays truncated.
            raise
        log.warning("response sent, but its effects were not stored", reason=type(error).__name__)


async def _is_closed(receive: Any) -> bool:  # noqa: ANN401 - ASGI
    """Return whether the client has disconnected: if so receive() returns at once, else it blocks."""
    event = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    if event.done():
        return bool(event.result()["type"] == "http.disconnect")
    event.cancel()
    return False
