"""What is done when an answer has gone out: in a transaction that is committed behind the answer's last byte.

The answer is sent but for its last byte, and the server waits until that much was taken off its hands. The work is
done, the last byte is sent if the connection is still open, and then the work is committed. Nobody has all of the
answer before the work holds its locks; so the next call, which may come at once and to another process, waits for the
commit. So the work is never done without the whole answer having been sent. The other way round it can be: a commit
that fails, or a server killed before it, leaves everything as it was although the answer has gone out, and the caller
is given the same again. A caller that closes its side alone counts as gone: nothing tells the two apart.
"""

import asyncio
from typing import Any

import structlog

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery, Work

log = structlog.get_logger()

# Where an answer's delivery stands in the scope of its request.
SCOPE_KEY = "fanfare.delivery"
BODY = "http.response.body"


class Delivered:
    """The layer that sends the answers of an ASGI application and does what is to be done with their last byte."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - any ASGI application
        """Take the application whose answers are sent."""
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Pass the call on."""

        async def watched(message: dict[str, Any]) -> None:
            delivery: Delivery | None = scope.get(SCOPE_KEY)
            is_end = message["type"] == BODY and not message.get("more_body", False)
            if delivery is None or delivery.work is None or not is_end:
                await send(message)
            else:
                await _hand_over(message, delivery.work, delivery.db, receive, send)

        await self.app(scope, receive, watched)


class _CallerGone(Exception):  # noqa: N818 - never leaves this module
    """The answer under way is lost."""


async def _hand_over(message: dict[str, Any], work: Work, db: Db, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    body = message.get("body", b"")
    await send({"type": BODY, "body": body[:-1], "more_body": True})
    # A server takes more only when it has sent enough of what it was given.
    await send({"type": BODY, "body": b"", "more_body": True})
    last = {"type": BODY, "body": body[-1:], "more_body": False}
    is_sent = False
    try:
        async with db.transaction() as tx:
            await work(tx)
            if await _is_closed(receive):
                raise _CallerGone  # noqa: TRY301 - rolls the work back
            await send(last)
            is_sent = True
    except _CallerGone:
        # Who has only closed its own side still gets all of the answer.
        await send(last)
    except Exception as error:
        if not is_sent:
            # The answer breaks off.
            raise
        log.warning("response sent, but its effects were not stored", reason=type(error).__name__)


async def _is_closed(receive: Any) -> bool:  # noqa: ANN401 - ASGI
    """Say whether the caller has gone: then there is a message at once, else there is none while an answer is due."""
    waiting = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    if waiting.done():
        return bool(waiting.result()["type"] == "http.disconnect")
    waiting.cancel()
    return False
