"""Shapes of logins on the page of an identity provider."""

from fanfare.hosted.schemas.login import SealedStruct
from fanfare.identities.gateways.exchange import CodeFlow


class ProviderLogin(SealedStruct, frozen=True):
    """A login that began in this browser; `url` is the login page that it belongs to."""

    provider_id: int
    url: str
    flow: CodeFlow
