"""Stylesheets and scripts of pages, at addresses that hold their checksum, so that browsers keep them for good."""

import gzip
import hashlib
from functools import cache
from pathlib import Path

import falcon
import msgspec
from falcon.asgi import Request, Response

FOLDER = Path(__file__).parent / "assets"
PREFIX = "/assets"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
CHECKSUM_LENGTH = 12


class Asset(msgspec.Struct, frozen=True):
    """A file of the folder, as it is and compressed."""

    name: str
    content: bytes
    packed: bytes

    @property
    def url(self) -> str:
        """Return the path at which the asset is served."""
        return f"{PREFIX}/{hashlib.sha256(self.content).hexdigest()[:CHECKSUM_LENGTH]}/{self.name}"

    @property
    def media_type(self) -> str:
        """Return the kind of content."""
        return TYPES[Path(self.name).suffix]


@cache
def assets() -> dict[str, Asset]:
    """Return every asset by its name."""
    contents = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
    return {name: Asset(name, content, gzip.compress(content, 9, mtime=0)) for name, content in contents.items()}


@cache
def asset_url(name: str) -> str:
    """Return the path of an asset; raises KeyError for a name that there is none of."""
    return assets()[name].url


class AssetResource:
    """`GET /assets/{checksum}/{name}`."""

    async def on_get(self, request: Request, response: Response, checksum: str, name: str) -> None:
        """Give the file; under another checksum than its own there is none."""
        asset = assets().get(name)
        if asset is None or asset.url != f"{PREFIX}/{checksum}/{name}":
            raise falcon.HTTPNotFound
        response.content_type = asset.media_type
        response.set_header("X-Content-Type-Options", "nosniff")
        response.set_header("Cache-Control", "public, max-age=31536000, immutable")
        response.set_header("Vary", "Accept-Encoding")
        if "gzip" in request.headers.get("accept-encoding", ""):
            response.set_header("Content-Encoding", "gzip")
            response.data = asset.packed
        else:
            response.data = asset.content

    on_head = on_get
