"""Shapes of clients: registered, changed, listed."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Form, Id, IntegerForm, ListForm, Text, text_of

CONFIDENTIAL, PUBLIC = "confidential", "public"
OPENID, OFFLINE_ACCESS = "openid", "offline_access"
SCOPES = (OPENID, "profile", "email", "phone", OFFLINE_ACCESS)
MAX_URI = 1000
MAX_URIS = 20
MAX_OVERLAP_HOURS = 24 * 90
# Hosts of the device itself, where a URI needs no TLS.
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# No space, quote, angle bracket or backslash: a URI is put into headers and into the policy of a page.
URI = re.compile(r"[!#-;=?-\[\]_a-z~%]+")


class RedirectUriForm(Form):
    """A URI that fans are led back to: https, or http at the device itself."""

    def read(self, raw: object) -> str:
        """Return the URI unchanged: it is compared letter by letter."""
        uri = text_of(raw).strip()
        if len(uri) > MAX_URI:
            message = f"must be at most {MAX_URI} characters"
            raise ValueError(message)
        if not _is_redirect_uri(uri):
            message = "must be https://…, or http:// at localhost, 127.0.0.1 or [::1], without # and without a user"
            raise ValueError(message)
        return uri

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema of the value."""
        return {"type": "string", "format": "uri", "maxLength": MAX_URI, "examples": ["https://shop.example/callback"]}


def _is_redirect_uri(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    is_plain = URI.fullmatch(uri) is not None and "#" not in uri and "@" not in parts.netloc
    return is_safe and is_plain and bool(parts.hostname)


RedirectUris = Annotated[list[str], ListForm(RedirectUriForm(), MAX_URIS)]
Scopes = Annotated[list[str], ListForm(ChoiceForm(*SCOPES), len(SCOPES))]


class Client(msgspec.Struct):
    """A client. Of each secret only the first letters are shown; `issuer` is what it is configured with."""

    client_id: int
    account_id: int
    client_name: str
    client_type: str
    business_id: int | None
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    scopes: list[str]
    is_pkce_required: bool
    secret_prefixes: list[str]
    issuer: str
    creation_timestamp: int
    last_update_timestamp: int


class RegisteredClient(NamedTuple):
    """What the protocol needs to know of a client."""

    client_id: int
    account_id: int
    client_name: str
    client_type: str
    business_id: int | None
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    scopes: list[str]
    is_pkce_required: bool


class NewClient(Params):
    """A client to register."""

    client_name: Annotated[Text, "Name of the program, as fans read it."]
    redirect_uris: Annotated[RedirectUris, "Where fans are led back to; compared letter by letter."]
    client_type: Annotated[
        Annotated[str, ChoiceForm(CONFIDENTIAL, PUBLIC)],
        "confidential for a server that keeps a secret; public for an app in a browser or on a phone.",
    ] = CONFIDENTIAL
    business_id: Annotated[Id | None, "Business in whose look fans see the pages."] = None
    post_logout_redirect_uris: Annotated[RedirectUris | None, "Where fans may be led after they log out."] = None
    scopes: Annotated[Scopes | None, "What the client may ask for; all but offline_access when left out."] = None
    is_pkce_required: Annotated[Flag, "Whether a login needs PKCE (S256); public clients always need it."] = True

    example: ClassVar[Mapping[str, object]] = {
        "client_name": "Fan shop",
        "redirect_uris": ["https://shop.example/callback"],
        "scopes": ["openid", "profile", "email"],
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield errors of what a client cannot do without."""
        yield from _faults(values)
        if values.get("client_type") == PUBLIC and values.get("is_pkce_required") is False:
            yield "is_pkce_required", "must be true for a public client"


class ClientChanges(Params):
    """Fields of a client to change; a field left out stays as it is."""

    client_id: Annotated[Id, "Client to change."]
    client_name: Annotated[Text | None | UnsetType, "Name of the program, as fans read it."] = UNSET
    redirect_uris: Annotated[RedirectUris | None | UnsetType, "All URIs that fans are led back to."] = UNSET
    business_id: Annotated[Id | None | UnsetType, "Business in whose look fans see the pages."] = UNSET
    post_logout_redirect_uris: Annotated[RedirectUris | None | UnsetType, "Where fans may be led after logout."] = UNSET
    scopes: Annotated[Scopes | None | UnsetType, "What the client may ask for from now on."] = UNSET
    is_pkce_required: Annotated[Flag | None | UnsetType, "Whether a login needs PKCE (S256)."] = UNSET

    example: ClassVar[Mapping[str, object]] = {"redirect_uris": ["https://shop.example/v2/callback"]}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield errors of what a client cannot do without."""
        yield from _faults(values)
        for name in ("client_name", "scopes", "is_pkce_required"):
            if name in values and values[name] is None:
                yield name, "must not be empty"


def _faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "redirect_uris" in values and not values["redirect_uris"]:
        yield "redirect_uris", "must have at least one URI"
    if values.get("scopes") is not None and OPENID not in values["scopes"]:
        yield "scopes", f"must include {OPENID}"


class OneClient(Params):
    """Which client."""

    client_id: Annotated[Id, "Client by its id."]


class SecretRotation(OneClient, kw_only=True):
    """The client that gets a new secret, and how long the older ones are still accepted."""

    overlap_hours: Annotated[
        Annotated[int, IntegerForm(0, MAX_OVERLAP_HOURS)], "Hours that the older secrets are still accepted."
    ] = 24

    example: ClassVar[Mapping[str, object]] = {"overlap_hours": 24}


class ClientCreated(msgspec.Struct):
    """The client that was registered. The secret is shown only once; a public client has none."""

    client_id: int
    client_secret: str | None
    issuer: str


class ClientSaved(msgspec.Struct):
    """The client that was saved."""

    client_id: int


class NewClientSecret(msgspec.Struct):
    """The new secret of a client, shown only once."""

    client_id: int
    client_secret: str
