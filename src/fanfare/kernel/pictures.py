"""Answers that are images, and QR codes."""

from io import BytesIO
from typing import TYPE_CHECKING, ClassVar

import msgspec

if TYPE_CHECKING:
    from segno import QRCode

# Pixels per module of a QR code, and modules of the quiet zone.
SCALE, QUIET_ZONE = 10, 4


class ImageAnswer(msgspec.Struct, frozen=True):
    """An answer that is not JSON: the bytes of a file, whose class gives the media type."""

    content: bytes
    media_type: ClassVar[str]


class Svg(ImageAnswer, frozen=True):
    """An SVG image."""

    media_type: ClassVar[str] = "image/svg+xml"


class Png(ImageAnswer, frozen=True):
    """A PNG image."""

    media_type: ClassVar[str] = "image/png"


def qr_svg(text: str) -> Svg:
    """Return the QR code of a text as SVG."""
    return Svg(_qr_code(text, "svg"))


def qr_png(text: str) -> Png:
    """Return the QR code of a text as PNG."""
    return Png(_qr_code(text, "png"))


def qr_inline(text: str, title: str) -> str:
    """Return the QR code of a text as an element of a page, of the size that the page gives it."""
    return str(_code(text).svg_inline(border=2, dark="#000", light="#fff", omitsize=True, title=title))


def _qr_code(text: str, kind: str) -> bytes:
    # The unit of an SVG brings its viewBox, without which it is cut off at any other size. White, since a pattern on a
    # dark page is none.
    unit = {"unit": "px"} if kind == "svg" else {}
    output = BytesIO()
    _code(text).save(output, kind=kind, scale=SCALE, border=QUIET_ZONE, light="#fff", **unit)
    return output.getvalue()


def _code(text: str) -> "QRCode":
    # 0.7 MB in each process that shows none.
    from segno import make_qr  # noqa: PLC0415

    # Error correction level Q: a quarter of the modules may be unreadable.
    return make_qr(text, error="q")
