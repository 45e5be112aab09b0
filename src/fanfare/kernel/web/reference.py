"""The reference page at /docs: Scalar over /openapi.json. All of it is served from here, so it works offline.

The bundle is a file of the installed package `flask-openapi-scalar`, of which nothing is imported. It is trusted by its
checksum, not by its location: to use another version, change the checksum together with the pin.
"""

import gzip
import hashlib
import html
import json
from collections.abc import AsyncGenerator
from importlib.metadata import distribution

import structlog

from fanfare.kernel.errors import Unavailable
from fanfare.kernel.web.application import Application
from fanfare.kernel.web.lazy import Lazy
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response
from fanfare.kernel.web.server.cycle import PIECE

log = structlog.get_logger()

PACKAGE = "flask-openapi-scalar"
BUNDLE = "flask_openapi_scalar/templates/scalar/js/scalar.standalone.js"
CHECKSUM = "dcb027152bf20bf2f6dcd66e8f9fb073c1a9e274cf0b94b939a7d99ab8947060"
SCRIPT = f"/docs/scalar-{CHECKSUM[:12]}.js"
SETTINGS = {
    "url": "/openapi.json",
    "theme": "none",
    "withDefaultFonts": False,
    "telemetry": False,
    "agent": {"disabled": True},
    "mcp": {"disabled": True},
    "hideClientButton": True,
    "showDeveloperTools": "never",
    "orderSchemaPropertiesBy": "preserve",
    "documentDownloadType": "json",
    "defaultHttpClient": {"targetKey": "shell", "clientKey": "curl"},
    "authentication": {
        "preferredSecurityScheme": [["ApiKey", "ApiSecret"]],
        # Placeholders of the examples until a reader enters their own; without it the page uses the same word for both.
        "securitySchemes": {"ApiKey": {"value": "YOUR_API_KEY"}, "ApiSecret": {"value": "YOUR_API_SECRET"}},
    },
}
# Browsers request it even if no page links to it.
ICON = "/favicon.ico"
ICON_SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path fill='#b3261e' "
    "d='M2 6v4h3l6 4V2L5 6zm10.5-1v6a4 4 0 0 0 0-6z'/></svg>"
)
# Only our own script and our own origin. Scalar and its editor write style elements at run time, some under changing
# names, so styles cannot be allowed by nonce or checksum; as they can load nothing from elsewhere, they cannot leak
# anything.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fanfare API</title>
<link rel="icon" href="{icon}">
</head>
<body>
<noscript>This page needs JavaScript; the same is in <a href="/openapi.json">/openapi.json</a>.</noscript>
<script id="api-reference" data-configuration="{settings}" src="{script}"></script>
</body>
</html>
"""


class Reference:
    """`GET /docs`: the reference page."""

    async def on_get(self, _: Request, response: Response) -> None:
        """Return the page with a policy that allows only our own script and document."""
        response.content_type = "text/html; charset=utf-8"
        response.set_header("Content-Security-Policy", POLICY)
        response.set_header("X-Content-Type-Options", "nosniff")
        response.set_header("Referrer-Policy", "no-referrer")
        response.set_header("Cache-Control", "no-cache")
        response.data = PAGE.format(icon=ICON, settings=html.escape(json.dumps(SETTINGS)), script=SCRIPT).encode()

    on_head = on_get


class Script:
    """The bundle, cached after first use: 1.4 MB compressed, and 4.9 MB once a client requests it uncompressed."""

    def __init__(self, checksum: str = CHECKSUM) -> None:
        """`checksum` is the SHA-256 of the expected bundle, in hexadecimal."""
        self.checksum = checksum
        self._compressed_bundle = Lazy(self._compress)
        self._bundle = Lazy(self._load)

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the bundle; its URL contains its checksum, so it may be cached forever."""
        accepts_gzip = request.accepts_gzip
        script = await (self._compressed_bundle if accepts_gzip else self._bundle).get()
        response.content_type = "text/javascript; charset=utf-8"
        response.set_header("X-Content-Type-Options", "nosniff")
        response.set_header("Cache-Control", "public, max-age=31536000, immutable")
        response.set_header("Vary", "Accept-Encoding")
        if accepts_gzip:
            response.set_header("Content-Encoding", "gzip")
        response.set_stream(_pieces(script), len(script))

    on_head = on_get

    def _compress(self) -> bytes:
        return gzip.compress(self._load(), 6, mtime=0)

    def _load(self) -> bytes:
        bundle = _read_bundle()
        if hashlib.sha256(bundle).hexdigest() != self.checksum:
            log.error("unexpected checksum of the reference page's bundle", package=PACKAGE)
            message = "the reference page is not installed correctly; use /openapi.json"
            raise Unavailable(message, retry_after=3600)
        return bundle


async def _pieces(script: bytes) -> AsyncGenerator[bytes, None]:
    """Yield slices: requests share the script, and each buffers only the slice it is sending."""
    for start in range(0, len(script), PIECE):
        yield script[start : start + PIECE]


def _read_bundle() -> bytes:
    return bytes(distribution(PACKAGE).locate_file(BUNDLE).read_bytes())  # type: ignore[attr-defined]


class Icon:
    """`GET /favicon.ico`: the icon of the page."""

    async def on_get(self, _: Request, response: Response) -> None:
        """Return the icon."""
        response.content_type = "image/svg+xml"
        response.set_header("X-Content-Type-Options", "nosniff")
        response.set_header("Cache-Control", "public, max-age=86400")
        response.data = ICON_SVG.encode()

    on_head = on_get


class Home:
    """`GET /`: redirects to the reference page."""

    async def on_get(self, _: Request, response: Response) -> None:
        """Redirect."""
        response.status = 302
        response.set_header("Location", "/docs")

    on_head = on_get


def add_routes(app: Application) -> None:
    """Add the routes of the page, its script, its icon and the redirect from `/`."""
    app.add_route("/docs", Reference())
    app.add_route(SCRIPT, Script())
    app.add_route(ICON, Icon())
    app.add_route("/", Home())
