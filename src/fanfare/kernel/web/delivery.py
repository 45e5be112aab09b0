"""Work that runs when an answer has been sent, in a transaction that commits after the last byte.

The answer is sent except for its last byte, and we wait until the server has accepted it. The work runs, the last byte
is sent if the connection is still open, and the transaction commits. Nobody has the complete answer before the work
holds its locks, so the client's next request, which may come at once and to another process, waits for the commit. The
work is therefore never committed without the complete answer having been sent. The converse can happen: if the commit
fails, or the server is killed before it, everything stays as it was although the answer went out, and the client gets
the same answer again. A client that half-closes its connection counts as disconnected: the two look the same.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Work
from fanfare.kernel.running.tasks import start_task
from fanfare.kernel.web.request import Receive, Send

log = structlog.get_logger()

BODY = "http.response.body"


async def send_stream(parts: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> None:
    """Send the parts of a body until they end or the client disconnects."""
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


async def _send_parts(parts: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(parts):
        async for part in parts:
            await send({"type": BODY, "body": part, "more_body": True})
    await send({"type": BODY, "body": b"", "more_body": False})


async def _wait_until_closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Disconnected(Exception):  # noqa: N818 - never leaves this module
    """The client disconnected; rolls the work back."""


async def send_with_work(body: bytes, db: Db, work: Work, receive: Receive, send: Send) -> None:
    """Send the body of a response, and run the work with its last byte."""
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


async def _is_closed(receive: Receive) -> bool:
    """Return whether the client has disconnected: then receive() returns that at once; after the body it blocks."""
    while True:
        event = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        if not event.done():
            event.cancel()
            return False
        if event.result()["type"] == "http.disconnect":
            return True
