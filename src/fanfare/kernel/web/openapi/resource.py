"""`GET /openapi.json`: the document, made once a process when it is first asked for."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from falcon.asgi import Request, Response

from fanfare.kernel.web import answers
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.kernel.web.openapi.document import document, with_url

# What a caller writes in Host becomes part of the answer, so only what can be a host is taken from it.
HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

# Anybody can write another host into each request.
MAX_URLS = 8


class OpenApi:
    """`GET /openapi.json`, for programs and for the reference page; needs no key."""

    def __init__(
        self, endpoints: Iterable[Endpoint], scopes: Mapping[str, str] | None = None, public_url: str = ""
    ) -> None:
        """Take the calls to describe, what each scope is for, and the server's address as callers see it, if set."""
        self.endpoints = tuple(endpoints)
        self.scopes = scopes
        self.public_url = public_url
        self._document: dict[str, Any] | None = None
        self._bodies: dict[str, bytes] = {}

    async def on_get(self, request: Request, response: Response) -> None:
        """Answer with the document and its ETag."""
        if self._document is None:
            self._document = await asyncio.to_thread(self._make)
        response.set_header("Access-Control-Allow-Origin", "*")
        if not self.public_url:
            response.set_header("Vary", "Host")
        body = self._body(self._document, self._url(request))
        await answers.put(request, response, 200, body, has_etag=True)

    on_head = on_get

    def _body(self, document: dict[str, Any], url: str) -> bytes:
        """Return the document for one address of the server, kept for the few addresses that a server has."""
        if url not in self._bodies:
            if len(self._bodies) >= MAX_URLS:
                self._bodies.clear()
            self._bodies[url] = answers.encode(with_url(document, url))
        return self._bodies[url]

    def _url(self, request: Request) -> str:
        """Return the absolute address of this server: as set, else as the caller reached it."""
        if self.public_url:
            return self.public_url
        host = request.headers.get("host", "")
        return f"{request.scheme}://{host}" if HOST.fullmatch(host) else ""

    def _make(self) -> dict[str, Any]:
        return document(self.endpoints, version("fanfare"), self.scopes)
