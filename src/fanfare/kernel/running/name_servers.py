"""Asks name servers for the records of names that accounts say are theirs."""

# dns is imported by a process that asks: 2 MB in each that does not.
# ruff: noqa: PLC0415
from typing import TYPE_CHECKING

from fanfare.kernel.running.settings import Settings

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

SECONDS = 5.0


class NameServers:
    """The name servers that are asked; each process sets them as it starts."""

    def __init__(self) -> None:
        """Begin with the machine's."""
        self._addresses: tuple[str, ...] = ()

    def use(self, settings: Settings) -> None:
        """Take those of FANFARE_NAME_SERVERS, else the machine's."""
        self._addresses = settings.name_servers

    async def txt(self, name: str) -> list[str] | None:
        """Return the TXT records of a name, empty if it has none; None if no name server said so."""
        from dns.exception import DNSException
        from dns.resolver import NXDOMAIN, NoAnswer

        try:
            answer = await self._resolver().resolve(name, "TXT", search=False)
        except (NXDOMAIN, NoAnswer):
            return []
        except (DNSException, OSError):
            return None
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]

    async def has_txt(self, name: str, value: str) -> bool | None:
        """Return whether a name has a TXT record of this value; None if no name server said so."""
        records = await self.txt(name)
        return None if records is None else value in records

    def _resolver(self) -> "Resolver":
        """Return what asks; a DNSException on a machine that names no name server."""
        from dns.asyncresolver import Resolver

        resolver = Resolver(configure=not self._addresses)
        if self._addresses:
            hosts = [address.rpartition(":") for address in self._addresses]
            resolver.nameservers = [host for host, _, _ in hosts]
            resolver.nameserver_ports = {host: int(port) for host, _, port in hosts}
        resolver.lifetime = SECONDS
        return resolver


name_servers = NameServers()
