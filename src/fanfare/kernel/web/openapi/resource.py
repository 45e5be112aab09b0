"""`GET /openapi.json`: the document, built once per process on the first request.

It is public and has no rate limit, so a response must cost no more than sending it.
"""

import gzip
import hashlib
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

from fanfare.kernel.web import answers
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.kernel.web.lazy import Lazy
from fanfare.kernel.web.openapi.document import NO_URL, document, with_url
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response

# The Host header becomes part of the response, so only a syntactically valid host is used.
HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

# Clients can send any Host: only this many variants are cached and compressed.
MAX_URLS = 8
# The placeholder for the URL in the cached document.
ANY_URL = "https://host.invalid"


class Body(NamedTuple):
    """The document for one URL of the server."""

    etag: str
    plain: bytes
    compressed: bytes | None


class OpenApi:
    """`GET /openapi.json`, for programs and the reference page; needs no key."""

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        scopes: Mapping[str, str] | None = None,
        public_url: str = "",
        webhooks: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        """`scopes` describes each scope; `public_url` is the server's URL as clients see it, if configured.

        `webhooks` has an operation for each webhook that the server sends.
        """
        self.endpoints = tuple(endpoints)
        self.scopes = scopes
        self.public_url = public_url
        self.webhooks = webhooks
        self._document = Lazy(self._make)
        self._bodies: dict[str, Lazy[Body]] = {}

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the document with its ETag."""
        body = await self._body(await self._document.get(), self._url(request))
        response.set_header("Access-Control-Allow-Origin", "*")
        response.set_header("Vary", "Accept-Encoding" if self.public_url else "Host, Accept-Encoding")
        response.set_header("ETag", body.etag)
        response.set_header("Cache-Control", "no-cache")
        response.content_type = "application/json"
        if body.etag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
            response.status = 304
        elif body.compressed and request.accepts_gzip:
            response.set_header("Content-Encoding", "gzip")
            response.data = body.compressed
        else:
            response.data = body.plain

    on_head = on_get

    async def _body(self, document: bytes, url: str) -> Body:
        if url not in self._bodies:
            if len(self._bodies) >= MAX_URLS:
                return _build(document, url, is_cached=False)
            self._bodies[url] = Lazy(lambda: _build(document, url, is_cached=True))
        return await self._bodies[url].get()

    def _url(self, request: Request) -> str:
        """Return the absolute URL of this server: the configured one, else the one of the request."""
        if self.public_url:
            return self.public_url
        host = request.headers.get("host", "")
        return f"{request.scheme}://{host}" if HOST.fullmatch(host) else ""

    def _make(self) -> bytes:
        spec = document(self.endpoints, version("fanfare"), self.scopes, self.webhooks)
        return answers.encode(with_url(spec, ANY_URL))


def _build(document: bytes, url: str, *, is_cached: bool) -> Body:
    # It stands inside strings, so the URL loses its quotes.
    plain = document.replace(ANY_URL.encode(), answers.encode(url or NO_URL)[1:-1])
    etag = f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'
    return Body(etag, plain, gzip.compress(plain, mtime=0) if is_cached else None)
