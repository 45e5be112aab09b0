"""What is issued to a client, and what it reads of a fan."""

import msgspec

from fanfare.kernel.base64url import from_base64url

PARTS = 3


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
    # Unix seconds; None if an identity provider did not say when the fan logged in there
    auth_time: int | None


class _Audience(msgspec.Struct):
    aud: str


def audience_of(id_token: str) -> str | None:
    """Return the client that an ID token names, whoever signed it; None if it names none."""
    part = id_token.split(".")[1] if id_token.count(".") == PARTS - 1 else ""
    try:
        return msgspec.json.decode(from_base64url(part), type=_Audience).aud
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
