"""The origins at which passkeys may be used, and the hosts for which they are made."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, TextForm

LOCALHOST = "localhost"
HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
# How Android apps are named: the SHA-256 of the certificate that signed them.
ANDROID_ORIGIN = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{43}")

RpId = Annotated[
    Annotated[str, TextForm(253)] | None,
    "Host for which the passkey is; required if the account has origins of several.",
]


class NewOrigin(Params):
    """An origin at which passkeys may be used."""

    origin: Annotated[
        Annotated[str, TextForm(300)],
        "Scheme and host of the pages, such as https://tickets.example.com, or android:apk-key-hash: of an Android app."
        " Plain http is for localhost alone.",
    ]
    rp_id: Annotated[
        Annotated[str, TextForm(253)] | None,
        "Host for which the passkeys are: that of the origin, which is the default, or a domain above it. Passkeys work"
        " at all origins with the same one, and it cannot be changed later. Required for an app.",
    ] = None

    example: ClassVar[Mapping[str, object]] = {"origin": "https://tickets.example.com", "rp_id": "example.com"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse what browsers would never send, and a host that is not above that of the origin."""
        origin, rp_id = values.get("origin"), values.get("rp_id")
        if origin is None:
            return
        host = host_of(origin)
        is_app = ANDROID_ORIGIN.fullmatch(origin) is not None
        if host is None and not is_app:
            yield "origin", "must be https:// and a host, without a path, or android:apk-key-hash: and a hash"
        elif rp_id is None:
            if is_app:
                yield "rp_id", "is required for an app"
        elif not is_host(rp_id):
            yield "rp_id", "must be a host in small letters, such as example.com"
        elif host is not None and not is_above(rp_id, host):
            yield "rp_id", "must be the host of the origin, or a domain above it"


def is_host(text: str) -> bool:
    """Return whether a text is a host for which passkeys can be made; an IP address is none."""
    return HOST.fullmatch(text) is not None and ("." in text or text == LOCALHOST)


def is_above(rp_id: str, host: str) -> bool:
    """Return whether a host is the other, or a domain above it."""
    return host == rp_id or host.endswith(f".{rp_id}")


def host_of(origin: str) -> str | None:
    """Return the host of an origin as browsers write it, None for anything else."""
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    default = {"https": 443, "http": 80}.get(parts.scheme)
    if default is None or (parts.scheme == "http" and host != LOCALHOST) or port == default or not is_host(host):
        return None
    return host if origin == f"{parts.scheme}://{host}{f':{port}' if port is not None else ''}" else None


class Origin(msgspec.Struct):
    """An origin at which passkeys may be used, and the host for which they are.

    Id and timestamp (unix seconds) are null for the installation's own pages, which are always among them.
    """

    passkey_origin_id: int | None
    origin: str
    rp_id: str
    creation_timestamp: int | None


class OneOrigin(Params):
    """Which origin."""

    passkey_origin_id: Annotated[Id, "Origin by its id."]
