"""A request and its response between connection and application, and refusals sent without the application."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from fanfare.kernel.errors import Refusal, Unavailable, Unreadable

CUT_OFF = "the body ended too early"
COLON, SET_COOKIE = ": ", "set-cookie: "
CONTROL_CHARACTER = "a header of the response contains a control character"
STATUS_LINES = {status: line.removesuffix(b"\r\n") for status, line in STATUS_LINE.items()}
# The maximum size of one write: the next one waits until the client has read enough.
PIECE = 64 * 1024


class Cycle(RequestResponseCycle):
    """A request and its response. A truncated body raises, so that it is never mistaken for a complete one."""

    failure: Refusal | None = None
    # bytes of the response that are not passed to the transport yet
    unsent = 0

    def respond(self, status: int, headers: Mapping[str, str], cookies: Sequence[str], body: bytes) -> bool:
        """Send a usual response at once, in a fifth of the time of the messages of ASGI.

        Returns False, and sends nothing, for a response to HEAD, a large one, or one after which we close: those are
        sent by `send`.
        """
        is_usual = self.keep_alive and len(body) <= PIECE and self.scope["method"] != "HEAD"
        if not is_usual or self.flow.write_paused or self.disconnected or self.response_started:
            return False
        lines = [*map(COLON.join, headers.items()), *map(SET_COOKIE.__add__, cookies)]
        text = "\r\n".join(lines)
        # A line break in a value would begin a header of its own.
        if not text.count("\n") == text.count("\r") == len(lines) - 1 or "\0" in text:
            raise RuntimeError(CONTROL_CHARACTER)
        # It raises for a value that cannot be sent: then the caller sends another response.
        head = text.encode("latin-1")
        defaults = [b": ".join(each) for each in self.default_headers]
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(b"\r\n".join([STATUS_LINES[status], *defaults, head, b"", body]))
        self.message_event.set()
        self.on_response()
        return True

    async def send(self, message: Any) -> None:  # noqa: ANN401 - an ASGI event
        """Send a message, a large body in pieces: the transport would copy all of it even if it is never read."""
        body = message.get("body", b"")
        for start in range(0, max(len(body), 1), PIECE):
            piece = body[start : start + PIECE]
            self.unsent = len(body) - start - len(piece)
            is_last = not (self.unsent or message.get("more_body", False))
            part: Any = {**message, "body": piece, "more_body": not is_last} if body else message
            await super().send(part)

    async def receive(self) -> Any:  # noqa: ANN401 - an ASGI event
        """Return the next part of the body."""
        if self.response_started and self.transport.has_eof:  # type: ignore[attr-defined] # of a Connection
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
        """Respond for an application that failed or was cancelled."""
        headers, body = problem(Unavailable())
        await self.send({"type": "http.response.start", "status": Unavailable.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def fail(self, refusal: Refusal) -> None:
        """Raise the refusal in the application instead of returning more of the body; close after the response."""
        self.failure = refusal
        self.keep_alive = False
        self.body.clear()
        self.message_event.set()


def problem(refusal: Refusal) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return headers and body of a refusal that is sent without the application; the connection is closed after it."""
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
