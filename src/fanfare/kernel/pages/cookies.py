"""Cookies of pages: for this host alone, invisible to scripts, and over TLS alone where browsers reach us so."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from fanfare.kernel.web.response import Response

# A browser accepts a name with the first prefix only over TLS and from the host itself, not from others of its domain.
SECURE_PREFIX, PLAIN_PREFIX = "__Host-fanfare-", "fanfare-"
EXPIRED = "Thu, 01 Jan 1970 00:00:00 GMT"


class Cookie(msgspec.Struct, frozen=True):
    """A value to store in the browser for a time, or without one until the browser is closed; empty to delete it."""

    value: str
    max_age: timedelta | None = None


def our_cookies(cookies: Mapping[str, str], *, is_secure: bool) -> dict[str, str]:
    """Return the cookies of a request that pages have set, by their names without the prefix."""
    prefix = _prefix(is_secure=is_secure)
    return {name.removeprefix(prefix): value for name, value in cookies.items() if name.startswith(prefix)}


def put_cookies(response: Response, cookies: Mapping[str, Cookie], *, is_secure: bool) -> None:
    """Set cookies, or delete those without a value."""
    for name, cookie in cookies.items():
        attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if is_secure else "")
        if not cookie.value:
            attributes = f"; Expires={EXPIRED}{attributes}"
        elif cookie.max_age:
            attributes = f"; Max-Age={int(cookie.max_age.total_seconds())}{attributes}"
        response.cookies.append(f"{_prefix(is_secure=is_secure)}{name}={cookie.value}{attributes}")


def _prefix(*, is_secure: bool) -> str:
    return SECURE_PREFIX if is_secure else PLAIN_PREFIX
