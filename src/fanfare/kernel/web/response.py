"""A response as the responders fill it, and how it is sent."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from fanfare.kernel.data.delivery import JSON, Delivery
from fanfare.kernel.web.delivery import BODY, send_stream, send_with_work
from fanfare.kernel.web.request import PROGRESS, RESPOND, Request, Send

START = "http.response.start"
# They have neither a body nor its length.
BODILESS = frozenset({204, 304})


class Response:
    """A response: JSON unless another content type is set. Its body is `data`, or a stream of unknown length."""

    def __init__(self) -> None:
        self.status = 200
        # by their names in lower case
        self.headers: dict[str, str] = {}
        # the values of Set-Cookie
        self.cookies: list[str] = []
        self.data = b""
        self.stream: AsyncGenerator[bytes, None] | None = None
        self.delivery: Delivery | None = None

    @property
    def content_type(self) -> str | None:
        """The content type."""
        return self.headers.get("content-type")

    @content_type.setter
    def content_type(self, value: str) -> None:
        self.headers["content-type"] = value

    def set_header(self, name: str, value: str) -> None:
        """Set a header, in place of another of this name."""
        self.headers[name.lower()] = value

    def set_headers(self, headers: Mapping[str, str]) -> None:
        """Set headers, in place of others of their names."""
        for name, value in headers.items():
            self.headers[name.lower()] = value

    def append_header(self, name: str, value: str) -> None:
        """Add to a header that is a list."""
        name = name.lower()
        self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value

    def set_stream(self, stream: AsyncGenerator[bytes, None], length: int) -> None:
        """Send the body in parts; `length` is the sum of theirs."""
        self.stream = stream
        self.headers["content-length"] = str(length)

    async def send(self, request: Request, send: Send) -> None:
        """Send the response to a request."""
        headers, delivery = self.headers, self.delivery
        has_body = self.status not in BODILESS
        is_usual = self.stream is None and (delivery is None or (delivery.work is None and delivery.parts is None))
        if has_body:
            headers.setdefault("content-type", JSON)
            if is_usual or (delivery is not None and delivery.work is not None):
                headers["content-length"] = str(len(self.data))
        # Removed, for the request would keep itself until a garbage collection.
        respond = request.scope.pop(RESPOND, None)
        if is_usual and respond and respond(self.status, headers, self.cookies, self.data if has_body else b""):
            return
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        pairs += [(b"set-cookie", cookie.encode("latin-1")) for cookie in self.cookies]
        await send({"type": START, "status": self.status, "headers": pairs})
        if not has_body or request.method == "HEAD":
            await self._close_stream()
            await send({"type": BODY, "body": b""})
        elif is_usual or delivery is None:
            await self._send_body(request, send)
        elif delivery.parts is not None:
            await send_stream(delivery.parts, request.receive, send)
        elif delivery.work is not None:
            await send_with_work(self.data, delivery.db, delivery.work, request.receive, send)

    async def _send_body(self, request: Request, send: Send) -> None:
        if self.stream is not None:
            progress = request.scope.get(PROGRESS)
            async with aclosing(self.stream) as stream:
                async for part in stream:
                    await send({"type": BODY, "body": part, "more_body": True})
                    if progress:
                        progress()
        await send({"type": BODY, "body": self.data})

    async def _close_stream(self) -> None:
        if self.stream is not None:
            await self.stream.aclose()
