"""Shapes of the pages of single sign-on."""

from typing import Annotated

from msgspec import UNSET

from fanfare.console.schemas.sign_in import Path
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, TextForm
from fanfare.staff.schemas.sso import GIVEN_ROLES, Domains, SsoSettings

Long = Annotated[str, TextForm(4096)]


class SsoStart(Params):
    """The account to sign in to, and the page that is opened then."""

    account_id: Annotated[Id, "Account."]
    next: Path = None
    again: Annotated[Flag, "Whether the provider is to ask for the password again."] = False


class SsoReturn(Params):
    """What the provider sends the browser back with."""

    code: Annotated[Long | None, "Code to exchange."] = None
    state: Annotated[Long | None, "What the browser was sent with."] = None
    error: Annotated[Annotated[str, TextForm(200)] | None, "Reason without a code."] = None


class SsoForm(Params, kw_only=True):
    """The set-up of single sign-on; claims are lines `value=role`."""

    issuer: Annotated[Long, "Issuer."]
    sso_client_id: Annotated[Long, "Client id."]
    client_secret: Annotated[Long | None, "Client secret."] = None
    email_domains: Annotated[Domains, "Domains of addresses."]
    role_claim: Annotated[Annotated[str, TextForm(100)] | None, "Claim with roles."] = None
    claim_lines: Annotated[Long | None, "A value=role a line."] = None
    default_role: Annotated[Annotated[str, ChoiceForm(*GIVEN_ROLES)] | None, "Role of everybody else."] = None
    is_enabled: Annotated[Flag, "Whether anybody can sign in with it."] = False
    is_forced: Annotated[Flag, "Whether everybody but the role full has to."] = False

    def raw(self) -> dict[str, list[object]]:
        """Return the parameters as a call has them."""
        lines = [line.rpartition("=") for line in (self.claim_lines or "").splitlines() if line.strip()]
        values: dict[str, object] = {
            "issuer": self.issuer,
            "sso_client_id": self.sso_client_id,
            "client_secret": self.client_secret or UNSET,
            "email_domains": self.email_domains,
            "role_claim": self.role_claim,
            "claim_roles": {name.strip(): role.strip() for name, _, role in lines},
            "default_role": self.default_role,
            "is_enabled": self.is_enabled,
            "is_forced": self.is_forced,
        }
        return {name: [value] for name, value in values.items() if value is not None and value is not UNSET}


__all__ = ["SsoForm", "SsoReturn", "SsoSettings", "SsoStart"]
