"""Answers that are pictures."""

from typing import ClassVar

import msgspec


class Drawn(msgspec.Struct, frozen=True):
    """An answer that is no JSON: the bytes of a file, whose kind stands in its class."""

    content: bytes
    media_type: ClassVar[str]


class Svg(Drawn, frozen=True):
    """A drawing as SVG."""

    media_type: ClassVar[str] = "image/svg+xml"


class Png(Drawn, frozen=True):
    """A picture as PNG."""

    media_type: ClassVar[str] = "image/png"
