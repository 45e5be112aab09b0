"""A local site for sources: answers each path as a test says, and remembers what was asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.servers import Reply, Request, http_server


class Site:
    """Paths with what they answer."""

    def __init__(self) -> None:
        self.url = ""
        self.replies: dict[str, Callable[[Request], Reply]] = {}
        self.requests: list[Request] = []

    def put(self, path: str, body: bytes | str, status: int = 200, **headers: str) -> str:
        """Let a path answer this, and return its URL."""
        content = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies[path] = lambda _: Reply(content, status, named)
        return f"{self.url}{path}"

    def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        respond = self.replies.get(request.path)
        return respond(request) if respond else Reply(b"{}", 404)


@contextmanager
def site() -> Iterator[Site]:
    """Run a site."""
    result = Site()
    with http_server(result.reply) as result.url:
        yield result
