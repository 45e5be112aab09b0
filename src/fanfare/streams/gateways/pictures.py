"""Copies pictures: fetched within bounds, decoded within bounds, scaled, without what cameras write into them."""

import asyncio
import io

from fanfare.streams.gateways.fetching import SourceFault, fetch

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 16_000_000
# The longest side of a copy.
SIDE = 1280
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MEDIA_TYPE = "image/webp"
QUALITY = 80
OK = 200


class PictureRefused(Exception):  # noqa: N818 - what it is
    """The picture cannot be shown: another format, too large, or broken."""


async def copy_picture(url: str, account_id: int) -> bytes:
    """Return a picture as WebP; raises SourceFault if it cannot be fetched, PictureRefused if it cannot be shown."""
    answer = await fetch(url, account_id, {"Accept": "image/*"}, MAX_BYTES)
    if answer.status != OK:
        message = f"it responds with {answer.status}"
        raise SourceFault(message)
    return await asyncio.to_thread(scale, answer.body)


def scale(content: bytes) -> bytes:
    """Return a picture scaled down, turned as its camera says and without metadata; raises PictureRefused."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - takes 10 MB, which most processes save

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            # Known from the head, before anything is decoded.
            _check_size(image.width, image.height)
            image.draft("RGB", (SIDE, SIDE))
            turned = ImageOps.exif_transpose(image)
            turned.thumbnail((SIDE, SIDE))
            has_alpha = turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info
            plain = turned.convert("RGBA" if has_alpha else "RGB")
            plain.info.clear()
            file = io.BytesIO()
            plain.save(file, "WEBP", quality=QUALITY)
            return file.getvalue()
    except PictureRefused:
        raise
    except Exception as error:  # noqa: BLE001 - the decoders raise whatever they come upon in broken files
        raise PictureRefused(type(error).__name__) from None


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        message = "it has too many pixels"
        raise PictureRefused(message)
