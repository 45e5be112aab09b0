"""The hosts of links: the operator's, by whatever name it is reached, and virtual domains."""

from functools import lru_cache
from urllib.parse import urlsplit

from fanfare.kernel.running.public_address import public_address
from fanfare.trackers.queries.links import SHARED_HOST

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def host_of(header: str | None) -> str:
    """Return the host of a header Host, in lower case, without port and the dot at its end."""
    host = (header or "").strip().lower()
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() and not name.endswith(":") else host).removesuffix(".")


def shared_host() -> str:
    """Return the operator's host with its port, if it has one, as in links."""
    return urlsplit(public_address.base).netloc


@lru_cache(8)
def _host_of_base(base: str) -> str:
    return host_of(urlsplit(base).netloc)


def link_host(header: str | None) -> str:
    """Return the host by which links are looked up: '' for the operator's, which is also reached from this machine."""
    host = host_of(header)
    return SHARED_HOST if host in LOOPBACK or host == _host_of_base(public_address.base) else host


def is_any_host_shared() -> bool:
    """Return whether every host that is no virtual domain is the operator's, because nobody has named that."""
    return not public_address.is_named
