"""Asks a host whether it reaches this server over TLS."""

import hashlib
import hmac

from fanfare.kernel.running.http_client import CallError, HttpRequest, http_client
from fanfare.kernel.running.secret_keys import secret_keys

SECONDS = 5.0
MAX_BYTES = 1024
CHECK_PATH = "/trk/check"
PURPOSE = "virtual domain"


async def is_reached_over_tls(account_id: int, host: str, nonce: str) -> bool:
    """Return whether `https://host` leads to this installation, with a certificate that browsers accept."""
    request = HttpRequest("GET", f"https://{host}{CHECK_PATH}?nonce={nonce}", max_bytes=MAX_BYTES, seconds=SECONDS)
    try:
        answer = await http_client.send(request, account_id)
    except CallError:
        return False
    return answer.body.decode("ascii", "replace").strip() == check_answer(nonce)


def check_answer(nonce: str) -> str:
    """Return what this installation answers a check with, and no other does."""
    return hmac.digest(secret_keys.derived(PURPOSE)[0], nonce.encode(), hashlib.sha256).hex()
