"""Shapes of identity providers."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from msgspec import UNSET, UnsetType

from fanfare.identities.schemas.presets import OIDC, PRESETS
from fanfare.kernel.parameters import Params
from fanfare.kernel.running.http_client import MAX_URL_LENGTH, http_client
from fanfare.kernel.wire import ChoiceForm, Flag, Id, ListForm, Text, TextForm

MAX_CLIENT_IDS = 20
URL_FIELDS = ("issuer", "jwks_url", "authorization_url", "token_url", "userinfo_url")
PresetName = Annotated[str, ChoiceForm(*PRESETS)]
Url = Annotated[str, TextForm(MAX_URL_LENGTH)]
Secret = Annotated[str, TextForm(4096)]
ClientIds = Annotated[list[str], ListForm(TextForm(255), MAX_CLIENT_IDS)]
# Descriptions that creating and changing share.
JWKS = "Address of the provider's keys; by default what it publishes at its issuer."
AUTHORIZATION = "Address of its login page; by default what it publishes."
TOKEN = "Address that exchanges codes; by default what it publishes."  # noqa: S105 - a description
USERINFO = "Address that tells who has an access token; by default that of the preset."
EMAIL_TRUST = (
    "Whether an address that it calls verified is: then it logs in the fan who has it. Default: google and apple."
)
ACCESS_TOKENS = (
    "Whether apps may log fans in with an access token (spotify), which does not say for which app it was issued."
)


TEAM = (
    "Team at Apple, with key_id: client_secret is then the private key (PEM, P-256), and a client secret is signed"
    " with it for each login."
)
KEY = "Id of that key at the provider."


class IdentityProvider(msgspec.Struct):
    """An identity provider, with the addresses of its preset. business_id is null for one of the whole account.

    Addresses that are null are read from what the provider publishes at its issuer. Timestamps are unix seconds.
    """

    provider_id: int
    business_id: int | None
    preset: str
    title: str
    issuer: str
    client_ids: list[str]
    has_client_secret: bool
    team_id: str | None
    key_id: str | None
    jwks_url: str | None
    authorization_url: str | None
    token_url: str | None
    userinfo_url: str | None
    is_email_trusted: bool
    is_access_token_accepted: bool
    is_enabled: bool
    creation_timestamp: int
    last_update_timestamp: int


class NewProvider(Params, kw_only=True):
    """An identity provider to accept."""

    preset: Annotated[PresetName | None, "Fills in the addresses of a large provider; oidc for any other."] = None
    business_id: Annotated[Id | None, "Business whose fans use it; the whole account when left out."] = None
    title: Annotated[Text | None, "Name on the button of the login page."] = None
    issuer: Annotated[Url | None, "Issuer, as in its tokens; needed without a preset."] = None
    client_ids: Annotated[ClientIds, "Client ids that tokens may be for; the first is used on the login page."]
    client_secret: Annotated[Secret | None, "Client secret, for the login page. It is never shown again."] = None
    team_id: Annotated[Text | None, TEAM] = None
    key_id: Annotated[Text | None, KEY] = None
    jwks_url: Annotated[Url | None, JWKS] = None
    authorization_url: Annotated[Url | None, AUTHORIZATION] = None
    token_url: Annotated[Url | None, TOKEN] = None
    userinfo_url: Annotated[Url | None, USERINFO] = None
    is_email_trusted: Annotated[Flag | None, EMAIL_TRUST] = None
    is_access_token_accepted: Annotated[Flag | None, ACCESS_TOKENS] = None
    is_enabled: Annotated[Flag | None, "false: nobody can log in with it. Default: true."] = None

    example: ClassVar[Mapping[str, object]] = {
        "preset": "google",
        "client_ids": ["1234567890-abc.apps.googleusercontent.com"],
        "client_secret": "GOCSPX-your-client-secret",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse addresses that calls may not go to, and a provider without issuer."""
        preset = PRESETS[values.get("preset") or OIDC]
        if not values.get("issuer") and not preset.issuer:
            yield "issuer", "is required without a preset"
        yield from provider_faults(values)


class ProviderChanges(Params, kw_only=True):
    """Changes of an identity provider; a field that is left out stays as it is, an empty address is the default."""

    provider_id: Annotated[Id, "Provider to change."]
    title: Annotated[Text | None | UnsetType, "Name on the button of the login page."] = UNSET
    client_ids: Annotated[ClientIds | None, "Client ids that tokens may be for; replaces all."] = None
    client_secret: Annotated[Secret | None | UnsetType, "New client secret; empty to have none."] = UNSET
    team_id: Annotated[Text | None | UnsetType, TEAM] = UNSET
    key_id: Annotated[Text | None | UnsetType, KEY] = UNSET
    jwks_url: Annotated[Url | None | UnsetType, JWKS] = UNSET
    authorization_url: Annotated[Url | None | UnsetType, AUTHORIZATION] = UNSET
    token_url: Annotated[Url | None | UnsetType, TOKEN] = UNSET
    userinfo_url: Annotated[Url | None | UnsetType, USERINFO] = UNSET
    is_email_trusted: Annotated[Flag | None, EMAIL_TRUST] = None
    is_access_token_accepted: Annotated[Flag | None, ACCESS_TOKENS] = None
    is_enabled: Annotated[Flag | None, "false: nobody can log in with it."] = None

    example: ClassVar[Mapping[str, object]] = {"is_enabled": False}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse addresses that calls may not go to, and a provider without client id."""
        yield from provider_faults(values)


def is_signing_key(text: str) -> bool:
    """Return whether a text is a private key that can sign client secrets."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey  # noqa: PLC0415 - large
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - large

    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)


def provider_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the faults of what creating and changing share: no client id, addresses that calls may not go to."""
    if bool(values.get("team_id")) != bool(values.get("key_id")):
        yield "key_id" if values.get("team_id") else "team_id", "is required: team_id and key_id belong together"
    if values.get("team_id") and not is_signing_key(values.get("client_secret") or ""):
        yield "client_secret", "must be the private key (PEM, P-256) when team_id is sent"
    if values.get("client_ids") == []:
        yield "client_ids", "must be at least one"
    for name in URL_FIELDS:
        if (url := values.get(name)) and (fault := http_client.url_fault(url)):
            yield name, fault
    if "?" in (values.get("issuer") or ""):
        yield "issuer", "must not have a query"


class OneProvider(Params):
    """Which provider."""

    provider_id: Annotated[Id, "Identity provider by its id."]


class ProviderSaved(msgspec.Struct):
    """The identity provider that was saved."""

    provider_id: int
