"""A request and its response between connection and application, and refusals sent without the application."""

import secrets
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from fanfare.kernel.errors import Refusal, Unavailable, Unreadable

CUT_OFF = "the body ended too early"
COLON = b": "
STATUS_LINES = {status: line.removesuffix(b"\r\n") for status, line in STATUS_LINE.items()}
# The maximum size of one write: the next one waits until the client has read enough.
PIECE = 64 * 1024


class Cycle(RequestResponseCycle):
    """A request and its response. A truncated body raises, so that it is never mistaken for a complete one."""

    failure: Refusal | None = None
    has_begun = False
    # bytes of the response that are not passed to the transport yet
    unsent = 0

    async def send(self, message: Any) -> None:  # noqa: ANN401 - an ASGI event
        """Send a message, a large body in pieces: the transport would copy all of it even if it is never read."""
        if self.keep_alive and not (self.response_complete or self.flow.write_paused or self.disconnected):
            is_sent = self._send_body(message) if self.response_started else self._send_head(message)
            if is_sent:
                return
        body = message.get("body", b"")
        for start in range(0, max(len(body), 1), PIECE):
            piece = body[start : start + PIECE]
            self.unsent = len(body) - start - len(piece)
            is_last = not (self.unsent or message.get("more_body", False))
            part: Any = {**message, "body": piece, "more_body": not is_last} if body else message
            await super().send(part)

    def _send_head(self, message: Any) -> bool:  # noqa: ANN401 - an ASGI event
        """Send the head of a usual response, in a third of the general way's time.

        Returns False, and sends nothing, for a response to HEAD, without a length, or after which we close.
        """
        if message["type"] != "http.response.start" or self.scope["method"] == "HEAD":
            return False
        headers = self.default_headers + message["headers"]
        values = dict(headers)
        length = values.get(b"content-length")
        if length is None or b"connection" in values or b"transfer-encoding" in values:
            return False
        head = b"\r\n".join([STATUS_LINES[message["status"]], *map(COLON.join, headers), b"\r\n"])
        # A line break in a value would begin a header of its own.
        if not head.count(b"\n") == head.count(b"\r") == len(headers) + 2 or b"\0" in head:
            fault = "a header of the response contains a control character"
            raise RuntimeError(fault)
        self.response_started = True
        self.waiting_for_100_continue = self.chunked_encoding = False
        self.expected_content_length = int(length)
        self.transport.write(head)
        return True

    def _send_body(self, message: Any) -> bool:  # noqa: ANN401 - an ASGI event
        """Send the body of such a response; returns False, and sends nothing, if it comes in parts or is large."""
        body = message.get("body", b"")
        is_usual = self.chunked_encoding is False and len(body) == self.expected_content_length <= PIECE
        if not is_usual or message.get("more_body") or self.scope["method"] == "HEAD":
            return False
        self.unsent = self.expected_content_length = 0
        self.transport.write(body)
        self.response_complete = True
        self.message_event.set()
        self.on_response()
        return True

    async def receive(self) -> Any:  # noqa: ANN401 - an ASGI event
        """Return the next part of the body; the first may be empty, so that the request is routed before it comes."""
        if not self.has_begun:
            self.has_begun = True
            if self.more_body and not self.body and not self.disconnected:
                return {"type": "http.request", "body": b"", "more_body": True}
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
