"""Answers that are images."""

from typing import ClassVar

import msgspec


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
