"""Shapes of single sign-on: the provider of an account, and which role its claims give."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.base64url import from_base64url
from fanfare.kernel.parameters import Params
from fanfare.kernel.running.http_client import MAX_URL_LENGTH, http_client
from fanfare.kernel.wire import ChoiceForm, Flag, JsonObject, ListForm, TextForm
from fanfare.staff.schemas.roles import CUSTOM, ROLES

# A role that a claim can give; custom ones are given to people one by one.
GIVEN_ROLES = tuple(role for role in ROLES if role != CUSTOM)
MAX_DOMAINS, MAX_VALUES = 20, 100
DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
Domains = Annotated[
    list[str], ListForm(TextForm(253, DOMAIN, "must be domains in lower case, such as example.com"), MAX_DOMAINS)
]


class SsoSettings(Params, kw_only=True):
    """The provider with which staff sign in, and what its claims mean."""

    issuer: Annotated[
        Annotated[str, TextForm(MAX_URL_LENGTH)], "Issuer of the provider; its addresses are found there."
    ]
    sso_client_id: Annotated[Annotated[str, TextForm(255)], "Client id at the provider."]
    client_secret: Annotated[
        Annotated[str, TextForm(4096)] | None | UnsetType,
        "Client secret; it is sealed and never shown again. Left out it stays, empty there is none.",
    ] = UNSET
    email_domains: Annotated[Domains, "Only verified addresses of these domains are let in."]
    role_claim: Annotated[Annotated[str, TextForm(100)] | None, "Claim of the ID token with roles or groups."] = None
    claim_roles: Annotated[
        JsonObject | None,
        "Role for each value of the claim: full, editor, analyst or legal. The first that fits counts.",
    ] = None
    default_role: Annotated[
        Annotated[str, ChoiceForm(*GIVEN_ROLES)] | None,
        "Role of everybody else; without it only people whom the claim or an invitation lets in.",
    ] = None
    is_enabled: Annotated[Flag, "Whether anybody can sign in with it."] = True
    is_forced: Annotated[Flag, "Whether everybody but the role full has to."] = False

    example: ClassVar[Mapping[str, object]] = {
        "issuer": "https://login.example.com",
        "sso_client_id": "fanfare",
        "client_secret": "secret of the provider",
        "email_domains": ["example.com"],
        "role_claim": "groups",
        "claim_roles": {"crm-admins": "full", "marketing": "editor"},
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse an issuer that calls may not go to, no domain, and roles that there are not."""
        if (issuer := values.get("issuer")) and (fault := http_client.url_fault(issuer)):
            yield "issuer", fault
        if values.get("email_domains") == []:
            yield "email_domains", "must be at least one"
        claim_roles = values.get("claim_roles") or {}
        if len(claim_roles) > MAX_VALUES or any(role not in GIVEN_ROLES for role in claim_roles.values()):
            yield "claim_roles", f"must have one of {', '.join(GIVEN_ROLES)} for each of at most {MAX_VALUES} values"
        if claim_roles and not values.get("role_claim"):
            yield "role_claim", "is required with claim_roles"


class StaffSso(msgspec.Struct, frozen=True):
    """The single sign-on of an account, without its secret. `sign_in_url` is where people begin.

    The provider leads back to `redirect_uri` after the sign-in, and to `sign_out_redirect_uri` after the sign-out.
    """

    issuer: str
    sso_client_id: str
    has_client_secret: bool
    email_domains: list[str]
    role_claim: str | None
    claim_roles: dict[str, str]
    default_role: str | None
    is_enabled: bool
    is_forced: bool
    sign_in_url: str
    redirect_uri: str
    sign_out_redirect_uri: str
    last_update_timestamp: int

    def role_of(self, claims: Mapping[str, Any]) -> str | None:
        """Return the role that claims give: the first value of the mapping that they have; None for none."""
        value = claims.get(self.role_claim) if self.role_claim else None
        values = value if isinstance(value, list) else [value]
        return next((role for name, role in self.claim_roles.items() if name in values), None)


def token_claims(token: str) -> dict[str, Any]:
    """Return every claim of a token whose signature is verified."""
    return msgspec.json.decode(from_base64url(token.split(".")[1]), type=dict[str, Any])
