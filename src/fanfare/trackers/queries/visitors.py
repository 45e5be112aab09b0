"""Browsers by a cookie of the link's host: the cookie is stored nowhere, and each account stores another id for it.

So accounts on the operator's host cannot join their visitors.
"""

import hashlib
import re
import secrets
from datetime import timedelta

from fanfare.kernel.pages.cookies import Cookie

# The name of the cookie, and its age: as long as a click can be credited with a sale.
VISITOR = "trk"
AGE = timedelta(days=5)
COOKIE = re.compile(r"[0-9a-f]{32}")
LENGTH = 32


def new_cookie() -> str:
    """Return the cookie of a browser that has none."""
    return secrets.token_hex(LENGTH // 2)


def visitor_cookies(cookie: str) -> dict[str, Cookie]:
    """Return the cookie to set, by its name."""
    return {VISITOR: Cookie(cookie, AGE)}


def is_cookie(text: str | None) -> bool:
    """Return whether a text has the form of a cookie of ours."""
    return text is not None and COOKIE.fullmatch(text) is not None


def visitor_of(account_id: int, cookie: str) -> str:
    """Return the id by which an account stores a browser, as hexadecimal digits of a UUID."""
    return hashlib.sha256(f"{account_id}.{cookie}".encode()).hexdigest()[:LENGTH]
