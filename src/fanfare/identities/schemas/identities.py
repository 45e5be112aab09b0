"""Shapes of identities."""

from datetime import datetime
from typing import Annotated

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id


class Identity(msgspec.Struct, frozen=True):
    """What a provider says of a person, verified. `email` only if the account trusts that it is the person's.

    `token_hash` is of the token that says so, which expires at `expires_at`.
    """

    issuer: str
    subject: str
    token_hash: bytes
    expires_at: datetime
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    # when the person logged in at the provider, if it says so
    authenticated_at: datetime | None = None


class FanIdentity(msgspec.Struct):
    """An external identity that a fan logs in with. Timestamps are unix seconds."""

    identity_id: int
    fan_id: int
    issuer: str
    subject: str
    creation_timestamp: int
    use_timestamp: int


class FanIdentities(Params):
    """Whose identities."""

    fan_id: Annotated[Id, "Fan whose external identities."]


class OneIdentity(Params):
    """Which identity of a fan."""

    fan_id: Annotated[Id, "Fan whose external identity."]
    identity_id: Annotated[Id, "Identity by its id."]
