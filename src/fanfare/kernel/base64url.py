"""Base64 with the alphabet of URLs and without padding (RFC 7515, appendix C)."""

import base64


def base64url(data: bytes) -> str:
    """Return the text of some bytes."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Return the bytes of a text; raises ValueError for padding, other characters or a length that no bytes have."""
    if "=" in text:
        raise ValueError(text)
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
