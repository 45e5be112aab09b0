"""Who calls: the account, its level, and where the call comes from."""

from typing import Literal

import msgspec

SECRET: Literal["secret"] = "secret"  # noqa: S105 - the word for a level
PUBLIC: Literal["public"] = "public"
Level = Literal["secret", "public"]

SCOPES = ("segments", "crm", "streams", "sessions", "idols", "reports", "ads", "misc", "apps", "manage")


class Account(msgspec.Struct, frozen=True):
    """The tenant that a call belongs to."""

    id: int
    name: str
    time_zone: str
    country_code: str | None
    currency: str


class Caller(msgspec.Struct, frozen=True):
    """Who calls: the address that counts as the fan's, and whether the secret was shown."""

    address: str | None
    has_secret: bool
