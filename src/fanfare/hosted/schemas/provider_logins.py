"""Shapes of logins on the page of an identity provider."""

from typing import Annotated

import msgspec

from fanfare.hosted.schemas.login import SealedStruct
from fanfare.identities.gateways.exchange import CodeFlow
from fanfare.kernel.wire import storage_fault

Name = Annotated[str, msgspec.Meta(max_length=100)]


class _Names(msgspec.Struct, rename="camel"):
    first_name: Name = ""
    last_name: Name = ""


class _User(msgspec.Struct):
    name: _Names


def names_in(user: str) -> dict[str, str]:
    """Return the usable names in what Apple's form says of a person, as fields of a fan. Anybody can make it up."""
    try:
        names = msgspec.json.decode(user, type=_User).name
    except (msgspec.DecodeError, RecursionError):
        return {}
    values = {"first_name": names.first_name.strip(), "last_name": names.last_name.strip()}
    return {field: name for field, name in values.items() if name.isprintable() and name and not storage_fault(name)}


class SealedNames(SealedStruct, frozen=True):
    """The names of a person who comes back from a provider with a state."""

    state: str
    names: dict[str, str]


class ProviderLogin(SealedStruct, frozen=True):
    """A login that began in this browser; `url` is the login page that it belongs to."""

    provider_id: int
    url: str
    flow: CodeFlow
