"""Signatures of Standard Webhooks: an HMAC-SHA256 of the message's id, its time and its body."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

PREFIX = "whsec_"
VERSION = "v1"


def secret_text(key: bytes) -> str:
    """Return a secret as it is shown."""
    return PREFIX + base64.b64encode(key).decode()


def digest(key: bytes, message_id: str, seconds: str, body: bytes) -> bytes:
    """Return the signature of a message by a key; `seconds` is its unix time."""
    return hmac.digest(key, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256)


def signature_header(keys: Iterable[bytes], message_id: str, seconds: str, body: bytes) -> str:
    """Return the header `webhook-signature`, with a signature by each key."""
    return " ".join(f"{VERSION},{base64.b64encode(digest(key, message_id, seconds, body)).decode()}" for key in keys)
