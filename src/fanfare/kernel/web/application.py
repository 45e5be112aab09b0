"""The ASGI application: finds the responders of a path, calls the one of the method, and sends the response."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from fanfare.kernel.errors import NotAllowed, Refusal, Unknown
from fanfare.kernel.web.request import Receive, Request, Scope, Send
from fanfare.kernel.web.response import Response

# Fills the response to a request; the values of the path's fields follow.
Responder = Callable[..., Awaitable[None]]
# By method.
Responders = Mapping[str, Responder]
# Fills a response for what a responder raised.
Refuse = Callable[[Request, Response, Exception], None]
# Fills a response for a refusal below a path.
Fallback = Callable[[Request, Response, Refusal], Awaitable[None]]

METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
FIELD = re.compile(r"\{([a-z_]+)\}")
SLASHES = re.compile("/{2,}")
# Clients of the original service leave out the prefix.
SHORT_PREFIX, PREFIX = "/v1/", "/api"
NO_PATH = "No call has this path; /docs lists them"


class Lifespan(Protocol):
    """What happens before the first request and after the last one."""

    async def start(self) -> None:
        """Prepare for requests; the server does not start if it raises."""

    async def stop(self) -> None:
        """Clean up."""


class Node:
    """A segment of paths: the responders of the path that ends with it, and what can follow."""

    __slots__ = ("field", "literals", "responders", "variable")

    def __init__(self) -> None:
        self.responders: Responders | None = None
        self.literals: dict[str, Node] = {}
        # the field that any other segment is the value of
        self.field = ""
        self.variable: Node | None = None


class Routes:
    """The responders of all paths. A literal segment takes precedence over a field."""

    def __init__(self) -> None:
        self._root = Node()

    def add(self, path: str, responders: Responders) -> None:
        """Add a path, whose segments are literal or a field such as {fan_id}; ValueError for one that is there."""
        node = self._root
        for segment in path[1:].split("/"):
            field = FIELD.fullmatch(segment)
            if field is None:
                node = node.literals.setdefault(segment, Node())
                continue
            if node.variable is None:
                node.field, node.variable = field[1], Node()
            if node.field != field[1]:
                message = f"{path} names a field {field[1]}, which another path names {node.field}"
                raise ValueError(message)
            node = node.variable
        if node.responders is not None:
            message = f"{path} has its responders already"
            raise ValueError(message)
        node.responders = responders

    def find(self, path: str) -> tuple[Responders, dict[str, str]]:
        """Return the responders of a path, and the values of its fields; Unknown (404)."""
        values: dict[str, str] = {}
        segments = path.split("/")
        # `OPTIONS *` has no path.
        responders = None if segments[0] else _find(self._root, segments, 1, values)
        if responders is None:
            raise Unknown(NO_PATH)
        return responders, values


def _find(node: Node, segments: list[str], start: int, values: dict[str, str]) -> Responders | None:
    for place in range(start, len(segments)):
        segment = segments[place]
        literal = node.literals.get(segment)
        if literal is None:
            if node.variable is None or not segment:
                return None
            values[node.field] = segment
            node = node.variable
        elif node.variable is None:
            node = literal
        else:
            # Both are possible. What follows decides.
            responders = _find(literal, segments, place + 1, values)
            if responders is not None:
                return responders
            values[node.field] = segment
            node = node.variable
    return node.responders


class Application:
    """An ASGI application."""

    def __init__(self, refuse: Refuse, lifespan: Lifespan | None = None) -> None:
        self._routes = Routes()
        # what answers below a path where nothing else does, and whether to browsers alone; the first that fits counts
        self._fallbacks: dict[str, tuple[Fallback, bool]] = {}
        self._refuse = refuse
        self._lifespan = lifespan

    def add_route(self, path: str, resource: object) -> None:
        """Serve a path by the methods of an object, such as `on_get`."""
        responders = {method: getattr(resource, f"on_{method.lower()}", None) for method in METHODS}
        self.add_responders(path, {method: each for method, each in responders.items() if each is not None})

    def add_responders(self, path: str, responders: Responders) -> None:
        """Serve a path; OPTIONS is added."""
        allowed = ", ".join([*sorted(responders.keys() - {"OPTIONS"}), "OPTIONS"])

        async def tell(_: Request, response: Response, **__: str) -> None:
            response.set_header("Allow", allowed)

        async def refuse(_: Request, response: Response, **__: str) -> None:
            response.set_header("Allow", allowed)
            raise NotAllowed

        self._routes.add(path, _Refusing({"OPTIONS": tell, **responders}, refuse))

    def add_fallback(self, path: str, fallback: Fallback, *, is_for_browsers: bool = False) -> None:
        """Let a fallback answer whatever is asked of below a path and has no route, or none for its method."""
        self._fallbacks[path] = fallback, is_for_browsers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or run the lifespan."""
        if scope["type"] != "http":
            await self._run_lifespan(receive, send)
            return
        request, response = Request(scope, receive, normal_path(scope["path"])), Response()
        try:
            await self._respond(request, response)
        except Exception as error:  # noqa: BLE001 - `refuse` logs what is unexpected
            self._refuse(request, response, error)
        await response.send(request, send)

    async def _respond(self, request: Request, response: Response) -> None:
        try:
            responders, values = self._routes.find(request.path)
            await responders[request.method](request, response, **values)
        except Refusal as refusal:
            for path, (fallback, is_for_browsers) in self._fallbacks.items():
                if request.path.startswith(f"{path}/") and (request.is_by_browser or not is_for_browsers):
                    await fallback(request, response, refusal)
                    return
            raise

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            is_start = event["type"] == "lifespan.startup"
            if self._lifespan is not None:
                await (self._lifespan.start() if is_start else self._lifespan.stop())
            await send({"type": f"{event['type']}.complete"})
            if not is_start:
                return


class _Refusing(dict[str, Responder]):
    """Responders by method, and one for all other methods."""

    def __init__(self, responders: Responders, refuse: Responder) -> None:
        super().__init__(responders)
        self._refuse = refuse

    def __missing__(self, method: str) -> Responder:
        """Return the responder that refuses a method."""
        return self._refuse


def normal_path(path: str) -> str:
    """Return a path in the form in which it is routed: single slashes, none at the end, and the prefix /api."""
    if "//" in path:
        path = SLASHES.sub("/", path)
    if path.startswith(SHORT_PREFIX):
        path = PREFIX + path
    return path[:-1] if path.endswith("/") and len(path) > 1 else path
