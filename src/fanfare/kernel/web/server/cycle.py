"""A request and its answer between connection and application, and how a refusal is put that no application gives."""

import secrets
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from fanfare.kernel.errors import Refusal, Unavailable, Unreadable

CUT_OFF = "the body ended too early"
# What is handed to the connection at once: the rest of an answer waits until the caller has taken so much in.
PIECE = 64 * 1024


class Cycle(RequestResponseCycle):
    """A request and its answer. A body that ends too early raises, so that it never looks like one that is complete."""

    failure: Refusal | None = None
    has_begun = False
    # bytes of the answer that are not handed to the connection yet
    unsent = 0

    async def send(self, message: Any) -> None:  # noqa: ANN401 - an ASGI event
        """Send, a large body in pieces: the connection would copy all of it for a caller who may never read it."""
        body = message.get("body", b"")
        for start in range(0, max(len(body), 1), PIECE):
            piece = body[start : start + PIECE]
            self.unsent = len(body) - start - len(piece)
            is_last = not (self.unsent or message.get("more_body", False))
            part: Any = {**message, "body": piece, "more_body": not is_last} if body else message
            await super().send(part)

    async def receive(self) -> Any:  # noqa: ANN401 - an ASGI event
        """Return the next part of the body; the first may be empty, so that its call is found before it comes."""
        if not self.has_begun:
            self.has_begun = True
            if self.more_body and not self.body and not self.disconnected:
                return {"type": "http.request", "body": b"", "more_body": True}
        if self.response_started and self.transport.has_ended:  # type: ignore[attr-defined] # of a Connection
            return {"type": "http.disconnect"}  # closed, or half closed: they look alike
        if self.failure is None:
            event = await super().receive()
            if not self._is_broken(event):
                return event
        if self.response_complete:
            return {"type": "http.disconnect"}
        raise self.failure or Unreadable(CUT_OFF)

    def _is_broken(self, event: Any) -> bool:  # noqa: ANN401 - an ASGI event
        return self.failure is not None or (event["type"] == "http.disconnect" and self.more_body)

    async def send_500_response(self) -> None:
        """Answer for an application that broke or was stopped."""
        headers, body = problem(Unavailable())
        await self.send({"type": "http.response.start", "status": Unavailable.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def fail(self, refusal: Refusal) -> None:
        """Give the application this instead of the rest of the body, and close after its answer."""
        self.failure = refusal
        self.keep_alive = False
        self.body.clear()
        self.message_event.set()


def problem(refusal: Refusal) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return headers and body of a refusal that no application gives; the connection is closed behind it."""
    request_id = secrets.token_hex(14)
    body = msgspec.json.encode({**refusal.problem(), "request_id": request_id})
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    return headers, body
