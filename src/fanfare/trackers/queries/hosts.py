"""The hosts of links: the operator's, by whatever name it is reached, and virtual domains."""

from urllib.parse import urlsplit

from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.settings import Settings
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


class Hosts:
    """Which hosts are the operator's: that of FANFARE_PUBLIC_URL and of this machine; without it, all but domains."""

    def __init__(self, settings: Settings) -> None:
        self._host = host_of(urlsplit(settings.public_url).netloc)

    def link_host(self, header: str | None) -> str:
        """Return the host by which links are looked up: '' for the operator's."""
        host = host_of(header)
        if host in LOOPBACK or host == self._host:
            return SHARED_HOST
        return host

    @property
    def is_open(self) -> bool:
        """Whether hosts that are no virtual domain are the operator's too, whose name is not set."""
        return not self._host
