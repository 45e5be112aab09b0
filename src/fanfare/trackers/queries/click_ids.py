"""The id of a click as targets get it and pixels give it back: nobody else can make one up."""

import hashlib
import hmac
import re

from fanfare.kernel.running.secret_keys import secret_keys

PURPOSE = "tracker click"
TOKEN = re.compile(r"([1-9][0-9]{0,17})-([0-9a-f]{24})")
LENGTH = 24


def _signature(key: bytes, account_id: int, click_id: int) -> str:
    return hmac.digest(key, f"{account_id}.{click_id}".encode(), hashlib.sha256).hex()[:LENGTH]


def click_token(account_id: int, click_id: int) -> str:
    """Return the id of a click with a signature."""
    return f"{click_id}-{_signature(secret_keys.derived(PURPOSE)[0], account_id, click_id)}"


def click_of(account_id: int, token: str | None) -> int | None:
    """Return the click of a token of this account; None for any other text."""
    match = TOKEN.fullmatch(token or "")
    if match is None:
        return None
    click_id = int(match[1])
    signatures = [_signature(key, account_id, click_id) for key in secret_keys.derived(PURPOSE)]
    return click_id if any(hmac.compare_digest(match[2], each) for each in signatures) else None
