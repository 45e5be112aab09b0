"""The normal form of IP addresses and ranges, and the address that a request counts for.

An IPv4 address written as IPv6 (`::ffff:192.0.2.7`), as reported by dual-stack sockets, is the IPv4 address. Addresses
are stored and compared in this form.
"""

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
# The maximum length of an address or range, including a zone.
MAX_LENGTH = 100
# The prefix length of an IPv6 subscriber, who can use any address within it.
SUBSCRIBER_BITS = 64
# Proxies between a client and the server: reading thousands of addresses would block the event loop.
MAX_HOPS = 30
# How proxies write an address with a port.
WITH_PORT = re.compile(r"\[([^\[\]]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


def address(text: str) -> str:
    """Return an address in its normal form, without its zone. Raises ValueError if it is not an address."""
    plain = _bounded(text)
    if _is_ipv4(plain):
        return plain
    parsed = ipaddress.ip_address(_without_zone(plain))
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _is_ipv4(text: str) -> bool:
    """Return whether a text is an IPv4 address in its normal form, in a tenth of the time of the standard library."""
    try:
        socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


def network(text: str) -> Network:
    """Return a range in its normal form; an address is a range of one, and bits after the prefix are cleared.

    Raises ValueError if it is not a range.
    """
    plain, slash, prefix = _bounded(text).partition("/")
    parsed = ipaddress.ip_network(_without_zone(plain) + slash + prefix, strict=False)
    if isinstance(parsed, ipaddress.IPv4Network) or not parsed.subnet_of(MAPPED):
        return parsed
    lowest = int(parsed.network_address) - int(MAPPED.network_address)
    return ipaddress.IPv4Network((lowest, parsed.prefixlen - MAPPED.prefixlen))


def network_text(range_: Network) -> str:
    """Return a range as text; a single address has no prefix."""
    return str(range_.network_address) if range_.num_addresses == 1 else str(range_)


def _bounded(text: str) -> str:
    value = text.strip()
    if len(value) > MAX_LENGTH:
        message = f"is longer than {MAX_LENGTH} characters"
        raise ValueError(message)
    return value


def _without_zone(text: str) -> str:
    return text.partition("%")[0] if ":" in text else text


def networks(ranges: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks of configured proxies; raises ValueError if one is invalid."""
    return tuple(network(each) for each in ranges if each.strip())


def subscriber(text: str | None) -> str:
    """Return what calls are counted by: an IPv4 address, the /64 of an IPv6 address, or `unknown`."""
    if text is None or ":" not in text:
        return text or "unknown"
    return str(ipaddress.IPv6Network((text, SUBSCRIBER_BITS), strict=False))


def _hop(text: str) -> str | None:
    """Return the address in a forwarding header, with or without a port; None if it is invalid."""
    return None if len(text) > MAX_LENGTH else _parse_hop(text.strip())


@lru_cache(4096)
def _parse_hop(text: str) -> str | None:
    match = WITH_PORT.fullmatch(text)
    try:
        return address((match[1] or match[2]) if match else text)
    except ValueError:
        return None


def _is_in(text: str | None, proxies: Sequence[Network]) -> bool:
    if not proxies or text is None:
        return False
    # It is in its normal form.
    is_ipv6 = ":" in text
    parsed = ipaddress.IPv6Address(text) if is_ipv6 else ipaddress.IPv4Address(socket.inet_aton(text))
    return any(parsed in each for each in proxies)


def peer_subscriber(peer: str | None, proxies: Sequence[Network]) -> str | None:
    """Return what the connections of a peer are counted by; None for a proxy, which stands for many clients."""
    peer_address = _hop(peer or "")
    return None if peer_address is None or _is_in(peer_address, proxies) else subscriber(peer_address)


def nearest_address(peer: str | None, headers: Mapping[str, str], proxies: Sequence[Network]) -> str | None:
    """Return the address that a request came from, as far as trusted proxies report it; None if it is unknown.

    Behind trusted proxies it is the last address of X-Forwarded-For that is not a proxy. The search stops at an invalid
    address, before which the client may have written anything. X-Real-Ip is used only without X-Forwarded-For.
    """
    nearest = _hop(peer or "")
    if not _is_in(nearest, proxies):
        return nearest
    forwarded = headers.get("x-forwarded-for", "")
    if not forwarded.strip():
        return _hop(headers.get("x-real-ip", "")) or nearest
    for text in reversed(forwarded.rsplit(",", MAX_HOPS)[-MAX_HOPS:]):
        hop = _hop(text)
        if hop is None:
            break
        nearest = hop
        if not _is_in(hop, proxies):
            break
    return nearest


def named_address(headers: Mapping[str, str]) -> str | None:
    """Return the fan's address as sent by a client with the secret: X-Real-Ip or the first of X-Forwarded-For."""
    real, forwarded = headers.get("x-real-ip"), headers.get("x-forwarded-for")
    return (_hop(real) if real else None) or (_hop(forwarded.partition(",")[0]) if forwarded else None)
