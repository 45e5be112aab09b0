"""Whose address a call counts for: the peer's own, or the one that a trusted caller names."""

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(ranges: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks of the configured proxies; refuses a range that cannot be read."""
    return tuple(ipaddress.ip_network(each.strip(), strict=False) for each in ranges if each.strip())


@lru_cache(4096)
def _normal(address: str | None) -> str | None:
    try:
        found = ipaddress.ip_address((address or "").strip().split("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _is_in(address: str | None, proxies: Sequence[Network]) -> bool:
    return address is not None and any(ipaddress.ip_address(address) in network for network in proxies)


def caller_address(
    peer: str | None, headers: Mapping[str, str], proxies: Sequence[Network], *, has_secret: bool
) -> str | None:
    """Return the address that a call counts for, or None when it is not known.

    Behind configured proxies it is the nearest address of X-Forwarded-For that is not a proxy. A caller with the
    secret may name a fan's address itself (X-Real-Ip, or the first of X-Forwarded-For); a stranger may not.
    """
    nearest = _normal(peer)
    forwarded = [_normal(part) for part in headers.get("x-forwarded-for", "").split(",")]
    hops = [address for address in forwarded if address]
    real = _normal(headers.get("x-real-ip"))
    if has_secret:
        return real or (hops[0] if hops else nearest)
    if not _is_in(nearest, proxies):
        return nearest
    strangers = [address for address in reversed(hops) if not _is_in(address, proxies)]
    return (strangers[0] if strangers else None) or real or nearest
