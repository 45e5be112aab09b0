"""`GET /openapi.json`: the document, made once a process when it is first asked for.

Anybody may ask, as often as they like: an answer costs no more than the sending of it.
"""

import gzip
import hashlib
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import NamedTuple

from falcon.asgi import Request, Response

from fanfare.kernel.web import answers
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.kernel.web.once import Once
from fanfare.kernel.web.openapi.document import NO_URL, document, with_url

# What a caller writes in Host becomes part of the answer, so only what can be a host is taken from it.
HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

# Anybody can write another host into each request: beyond these the document is not kept, and not compressed.
MAX_URLS = 8
# Stands for the address while the document is made.
ANY_URL = b'"https://host.invalid"'


class Body(NamedTuple):
    """The document for one address of the server."""

    etag: str
    plain: bytes
    compressed: bytes | None


class OpenApi:
    """`GET /openapi.json`, for programs and for the reference page; needs no key."""

    def __init__(
        self, endpoints: Iterable[Endpoint], scopes: Mapping[str, str] | None = None, public_url: str = ""
    ) -> None:
        """Take the calls to describe, what each scope is for, and the server's address as callers see it, if set."""
        self.endpoints = tuple(endpoints)
        self.scopes = scopes
        self.public_url = public_url
        self._document = Once(self._make)
        self._bodies: dict[str, Once[Body]] = {}

    async def on_get(self, request: Request, response: Response) -> None:
        """Answer with the document and its ETag."""
        body = await self._body(await self._document.get(), self._url(request))
        response.set_header("Access-Control-Allow-Origin", "*")
        response.set_header("Vary", "Accept-Encoding" if self.public_url else "Host, Accept-Encoding")
        response.set_header("ETag", body.etag)
        response.set_header("Cache-Control", "no-cache")
        response.content_type = "application/json"
        if body.etag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
            response.status = 304
        elif body.compressed and "gzip" in request.headers.get("accept-encoding", ""):
            response.set_header("Content-Encoding", "gzip")
            response.data = body.compressed
        else:
            response.data = body.plain

    on_head = on_get

    async def _body(self, document: bytes, url: str) -> Body:
        if url not in self._bodies:
            if len(self._bodies) >= MAX_URLS:
                return _build(document, url, is_kept=False)
            self._bodies[url] = Once(lambda: _build(document, url, is_kept=True))
        return await self._bodies[url].get()

    def _url(self, request: Request) -> str:
        """Return the absolute address of this server: as set, else as the caller reached it."""
        if self.public_url:
            return self.public_url
        host = request.headers.get("host", "")
        return f"{request.scheme}://{host}" if HOST.fullmatch(host) else ""

    def _make(self) -> bytes:
        spec = document(self.endpoints, version("fanfare"), self.scopes)
        return answers.encode(with_url(spec, ANY_URL.decode().strip('"')))


def _build(document: bytes, url: str, *, is_kept: bool) -> Body:
    plain = document.replace(ANY_URL, answers.encode(url or NO_URL))
    etag = f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'
    return Body(etag, plain, gzip.compress(plain, mtime=0) if is_kept else None)
