"""`GET /openapi.json`: the document, made once a process when it is first asked for."""

import asyncio
from collections.abc import Iterable, Mapping
from importlib.metadata import version

from falcon.asgi import Request, Response

from fanfare.kernel import answers
from fanfare.kernel.endpoint import Endpoint
from fanfare.kernel.openapi.document import document


class OpenApi:
    """`GET /openapi.json`, for programs and for the reference page; needs no key."""

    def __init__(self, endpoints: Iterable[Endpoint], scopes: Mapping[str, str] | None = None) -> None:
        """Take the calls to describe, and the words about each scope."""
        self.endpoints = tuple(endpoints)
        self.scopes = scopes
        self._body: bytes | None = None

    async def on_get(self, request: Request, response: Response) -> None:
        """Give the document with its ETag."""
        if self._body is None:
            self._body = await asyncio.to_thread(self._make)
        response.set_header("Access-Control-Allow-Origin", "*")
        answers.put(request, response, 200, self._body, has_etag=True)

    on_head = on_get

    def _make(self) -> bytes:
        return answers.encode(document(self.endpoints, version("fanfare"), self.scopes))
