"""Shapes of logins on the page of an identity provider."""

from typing import Annotated

import msgspec

from fanfare.hosted.schemas.login import SealedStruct
from fanfare.identities.gateways.exchange import CodeFlow

Name = Annotated[str, msgspec.Meta(max_length=100)]


class _Names(msgspec.Struct, rename="camel"):
    first_name: Name = ""
    last_name: Name = ""


class ProviderUser(msgspec.Struct):
    """What Apple says of a person in its form, at the first login alone. Anybody can make it up."""

    name: _Names


class ProviderLogin(SealedStruct, frozen=True):
    """A login that began in this browser; `url` is the login page that it belongs to."""

    provider_id: int
    url: str
    flow: CodeFlow
