"""Shapes of logins on the page of an identity provider."""

import msgspec

from fanfare.identities.gateways.exchange import CodeFlow


class ProviderLogin(msgspec.Struct, frozen=True):
    """A login that began in this browser; `url` is the login page that it belongs to."""

    provider_id: int
    url: str
    flow: CodeFlow

    def encoded(self) -> bytes:
        """Return what is sealed."""
        return msgspec.json.encode(self)

    @classmethod
    def decoded(cls, data: bytes) -> "ProviderLogin":
        """Return what was sealed."""
        return msgspec.json.decode(data, type=cls)
