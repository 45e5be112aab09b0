"""Addresses that commands make calls to."""

import httpx

from fanfare.kernel.errors import CannotRun

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def checked_url(option: str, url: str, *, takes_secret: bool = False) -> httpx.URL:
    """Return a URL that calls can be made to; CannotRun if none can, or if a secret would travel in clear text."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        message = f"{option} must be a URL with http:// or https:// and a host, such as http://localhost:3000"
        raise CannotRun(message)
    if takes_secret and parsed.scheme == "http" and parsed.host not in LOCAL_HOSTS:
        message = f"{option} must begin with https://: the secret is sent there"
        raise CannotRun(message)
    return parsed
