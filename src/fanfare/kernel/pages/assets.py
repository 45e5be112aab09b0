"""Stylesheets and scripts of pages, at URLs that contain their checksum, so that browsers cache them forever."""

import gzip
import hashlib
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import msgspec

from fanfare.kernel.errors import Unknown
from fanfare.kernel.web.application import NO_PATH
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response

FOLDER = Path(__file__).parent / "assets"
PREFIX = "/assets"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
CHECKSUM_LENGTH = 12
# htmx comes with the package of the job queue, and is trusted by its checksum: to use another version, change it.
HTMX = "htmx.js"
HTMX_PACKAGE, HTMX_FILE = "pgqueuer", "pgqueuer/adapters/web/static/htmx.min.js"
HTMX_CHECKSUM = "22283ef68cb7545914f0a88a1bdedc7256a703d1d580c1d255217d0a50d31313"


class Asset(msgspec.Struct, frozen=True):
    """A file of the folder, plain and compressed."""

    name: str
    content: bytes
    compressed: bytes

    @property
    def url(self) -> str:
        """The path at which the asset is served."""
        return f"{PREFIX}/{hashlib.sha256(self.content).hexdigest()[:CHECKSUM_LENGTH]}/{self.name}"

    @property
    def media_type(self) -> str:
        """The content type."""
        return TYPES[Path(self.name).suffix]


@cache
def assets() -> dict[str, Asset]:
    """Return all assets by name."""
    contents = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
    if (script := htmx()) is not None:
        contents[HTMX] = script
    return {name: Asset(name, content, gzip.compress(content, 9, mtime=0)) for name, content in contents.items()}


def htmx() -> bytes | None:
    """Return the script, None if the installed package has another one or none: pages work without it."""
    path = distribution(HTMX_PACKAGE).locate_file(HTMX_FILE)
    try:
        script = Path(str(path)).read_bytes()
    except OSError:
        return None
    return script if hashlib.sha256(script).hexdigest() == HTMX_CHECKSUM else None


@cache
def asset_url(name: str) -> str:
    """Return the path of an asset; raises KeyError for an unknown name. That of htmx is empty where there is none."""
    return assets()[name].url if name in assets() or name != HTMX else ""


class AssetResource:
    """`GET /assets/{checksum}/{name}`."""

    async def on_get(self, request: Request, response: Response, checksum: str, name: str) -> None:
        """Return the file; 404 for another checksum than its own."""
        asset = assets().get(name)
        if asset is None or asset.url != f"{PREFIX}/{checksum}/{name}":
            raise Unknown(NO_PATH)
        response.content_type = asset.media_type
        response.set_header("X-Content-Type-Options", "nosniff")
        response.set_header("Cache-Control", "public, max-age=31536000, immutable")
        response.set_header("Vary", "Accept-Encoding")
        if "gzip" in request.headers.get("accept-encoding", ""):
            response.set_header("Content-Encoding", "gzip")
            response.data = asset.compressed
        else:
            response.data = asset.content

    on_head = on_get
