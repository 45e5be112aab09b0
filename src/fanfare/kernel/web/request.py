"""A request as the responders see it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any

# What the server passes to an ASGI application.
Scope = dict[str, Any]
Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
# The entry of the scope with our server's way to send a usual response at once: `Cycle.respond`.
RESPOND = "fanfare.respond"
# The entry with the function to call when a part of a long body was read or sent: the time for it begins again.
PROGRESS = "fanfare.progress"
# Where the calls are.
CALLS = "/api/"
HTML = "text/html"

# Headers that are no lists: of several, the last counts. The values of others are joined.
SINGLE = frozenset({"content-length", "content-type", "expect", "from", "host", "referer", "user-agent"})


class Request:
    """A request. The names of its headers are in lower case, `path` is decoded and has no slash at its end."""

    def __init__(self, scope: Scope, receive: Receive, path: str) -> None:
        """`path` is the path of the scope in the form in which it is routed."""
        self.scope = scope
        self.method: str = scope["method"]
        self.path = path
        self.receive = receive
        pairs = scope["headers"]
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
        if len(self.headers) < len(pairs):
            self.headers = _joined(pairs)

    @property
    def query_string(self) -> str:
        """The query, as it was sent."""
        query: bytes = self.scope["query_string"]
        return query.decode("utf-8", "replace")

    @property
    def relative_url(self) -> str:
        """The path and the query."""
        query = self.query_string
        return f"{self.path}?{query}" if query else self.path

    @property
    def scheme(self) -> str:
        """The scheme of the connection: http, or https where this server ends TLS itself."""
        scheme: str = self.scope.get("scheme", "http")
        return scheme

    @property
    def content_length(self) -> int | None:
        """The length of the body, None if it is not sent."""
        length = self.headers.get("content-length")
        return int(length) if length else None

    @property
    def accepts_gzip(self) -> bool:
        """Whether the body may be compressed: Accept-Encoding names gzip, and not with a weight of zero."""
        return _names(self.headers.get("accept-encoding", ""), "gzip")

    @property
    def is_by_browser(self) -> bool:
        """Whether somebody looks at the answer: Accept names text/html, and the path is not that of a call."""
        return _names(self.headers.get("accept", ""), HTML) and not f"{self.path}/".startswith(CALLS)

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """The cookies by name; the first of a name counts, which is the one with the longest path."""
        cookies: dict[str, str] = {}
        for pair in self.headers.get("cookie", "").split(";"):
            name, equals, value = pair.partition("=")
            if equals:
                cookies.setdefault(name.strip(), value.strip())
        return cookies

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body in parts; empty if the client has disconnected."""
        has_more = True
        while has_more:
            event = await self.receive()
            has_more = event.get("more_body", False)
            yield event.get("body", b"")


def _names(header: str, value: str) -> bool:
    """Return whether a header such as Accept names a value, and not with a weight of zero."""
    for part in header.lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";q=")
        if name == value:
            return not weight or weight.strip("0.") != ""
    return False


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers and name not in SINGLE:
            value = f"{headers[name]}{'; ' if name == 'cookie' else ','}{value}"
        headers[name] = value
    return headers
