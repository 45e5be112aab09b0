"""Asks the DNS who a host belongs to, and the host whether it reaches this server over TLS."""

import hashlib
import hmac

import dns.asyncresolver
import dns.exception

from fanfare.kernel.running.http_client import CallError, HttpRequest, http_client
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings

SECONDS = 5.0
MAX_BYTES = 1024
CHECK_PATH = "/trk/check"
PURPOSE = "virtual domain"


class NameServers:
    """The name servers that are asked; each process sets them as it starts."""

    def __init__(self) -> None:
        self._addresses: tuple[str, ...] = ()

    def use(self, settings: Settings) -> None:
        """Take those of FANFARE_NAME_SERVERS, else the machine's."""
        self._addresses = settings.name_servers

    async def txt(self, name: str) -> list[str]:
        """Return the TXT records of a name; empty if there are none or nobody answers."""
        resolver = dns.asyncresolver.Resolver(configure=not self._addresses)
        if self._addresses:
            hosts = [address.rpartition(":") for address in self._addresses]
            resolver.nameservers = [host for host, _, _ in hosts]
            resolver.nameserver_ports = {host: int(port) for host, _, port in hosts}
        resolver.lifetime = SECONDS
        try:
            answer = await resolver.resolve(name, "TXT", search=False)
        except (dns.exception.DNSException, OSError):
            return []
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


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


name_servers = NameServers()
