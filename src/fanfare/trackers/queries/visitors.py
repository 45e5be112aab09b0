"""Browsers by a cookie of the link's host: the cookie is stored nowhere, and each account stores another id for it.

So accounts on the operator's host cannot join their visitors.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta

from fanfare.kernel.pages.cookies import Cookie, our_cookies

# The name of the cookie, and its age: as long as a click can be credited with a sale.
VISITOR = "trk"
# The name of before, without the prefix of our pages' cookies: browsers that clicked then have it for five days.
FORMER = "trk"
AGE = timedelta(days=5)
COOKIE = re.compile(r"[0-9a-f]{32}")
LENGTH = 32


def visitor_cookie(cookies: Mapping[str, str], *, is_secure: bool) -> str | None:
    """Return the visitor's cookie among those of a request; None if there is none of its form."""
    cookie = our_cookies(cookies, is_secure=is_secure).get(VISITOR) or cookies.get(FORMER)
    return cookie if cookie and COOKIE.fullmatch(cookie) else None


def new_cookie() -> str:
    """Return the cookie of a browser that has none."""
    return secrets.token_hex(LENGTH // 2)


def visitor_cookies(cookie: str) -> dict[str, Cookie]:
    """Return the cookie to set, by its name."""
    return {VISITOR: Cookie(cookie, AGE)}


def visitor_of(account_id: int, cookie: str) -> str:
    """Return the id by which an account stores a browser, as hexadecimal digits of a UUID."""
    return hashlib.sha256(f"{account_id}.{cookie}".encode()).hexdigest()[:LENGTH]
