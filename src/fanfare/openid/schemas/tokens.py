"""What is issued to a client, and what it reads of a fan."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Tokens(msgspec.Struct):
    """The response of the token endpoint. The times are in seconds; `scope` is what was granted."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    id_token: str
    refresh_token: str | msgspec.UnsetType = msgspec.UNSET


class Grant(msgspec.Struct, frozen=True):
    """A login of a fan at a client, as far as its ID token tells."""

    client_id: int
    subject: str
    scopes: list[str]
    nonce: str | None
    # Unix seconds
    auth_time: int


Claims = Mapping[str, Any]
