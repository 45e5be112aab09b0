"""The caller of a request: account, level and IP address."""

from typing import Literal

import msgspec

SECRET: Literal["secret"] = "secret"  # noqa: S105 - the name of a level
PUBLIC: Literal["public"] = "public"
Level = Literal["secret", "public"]

SCOPES = ("segments", "crm", "streams", "sessions", "idols", "reports", "ads", "misc", "apps", "manage")


class Account(msgspec.Struct, frozen=True):
    """The tenant that a request belongs to."""

    id: int
    name: str
    time_zone: str
    country_code: str | None
    currency: str


class Caller(msgspec.Struct, frozen=True):
    """The caller: the IP address that counts as the fan's, and whether the secret was sent.

    `is_server`: the address is that of a system with the secret, which sent none of a fan. `scopes` are the key's.
    """

    address: str | None
    has_secret: bool
    is_server: bool = False
    scopes: frozenset[str] = frozenset()
