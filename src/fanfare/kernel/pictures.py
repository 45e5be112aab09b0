"""Answers that are images."""

from typing import ClassVar

import msgspec


class Drawn(msgspec.Struct, frozen=True):
    """An answer that is not JSON: the bytes of a file, whose class gives the media type."""

    content: bytes
    media_type: ClassVar[str]


class Svg(Drawn, frozen=True):
    """An SVG image."""

    media_type: ClassVar[str] = "image/svg+xml"


class Png(Drawn, frozen=True):
    """A PNG image."""

    media_type: ClassVar[str] = "image/png"
