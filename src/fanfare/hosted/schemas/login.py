"""Shapes of the login page: where it leads back to, and its forms."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

import msgspec

from fanfare.hosted.schemas.redirect_urls import SentUrl
from fanfare.kernel.callers import Account
from fanfare.kernel.parameters import Params, read
from fanfare.kernel.wire import Alias, ChoiceForm, Flag, Id, Text, TextForm
from fanfare.sessions.queries.businesses import SiteBusiness
from fanfare.sessions.schemas.connect import Connect, LoginPassword

AGAIN = "again"
LONGEST_SEALED = 20_000
Sealed = Annotated[str, TextForm(LONGEST_SEALED)]
ShownTerms = Annotated[Annotated[str, TextForm(64)] | None, "The wording of the texts that were shown, as a hash."]
Contact = Annotated[Text, "Email address or mobile number."]


class LoginQuery(Params, kw_only=True):
    """Whose login page, and where it leads back to. Other parameters go back to the redirect_url unchanged."""

    account_id: Annotated[Id, "Account of the site."]
    business_id: Annotated[Id | None, "Business of the site; required if the account has several."] = None
    login_type: Annotated[Text | None, "What the page begins with: register, code, or else the login by password."] = (
        None
    )
    redirect_url: Annotated[SentUrl | None, "URL of the site, which must be registered."] = None
    next_path: Annotated[
        Sealed | None, Alias("next", only=True), "Path of this server, sealed by it; instead of a redirect_url."
    ] = None
    login_hint: Annotated[Sealed | None, "Email address or mobile number to begin with, sealed as `next` is."] = None
    login: Annotated[
        Annotated[str, ChoiceForm(AGAIN)] | None, "again: who is logged in in this browser logs in again."
    ] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a login that leads nowhere."""
        if not values.get("redirect_url") and not values.get("next_path"):
            yield "redirect_url", "is required"


class LoginForm(LoginQuery, kw_only=True):
    """The login by password; or the request for a code, for which the password is left out."""

    contact: Contact
    password: Annotated[LoginPassword | None, "Password."] = None
    is_code: Annotated[Flag, "Send a code instead."] = False

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a login without a password."""
        yield from super().faults(values)
        if not values.get("password") and not values.get("is_code"):
            yield "password", "is required"


class CodeRequest(LoginQuery, kw_only=True):
    """The request for a code, or for a link to set a new password."""

    contact: Contact


class CodeForm(LoginQuery, kw_only=True):
    """The code that a fan received."""

    verification_code: Annotated[Text, "Code from the message."]


class TermsForm(LoginQuery, kw_only=True):
    """The terms, accepted or not, in the middle of a login."""

    pending: Annotated[Sealed | None, "The step that continues, sealed; missing if the fan is logged in."] = None
    is_accepted: Annotated[Flag, "The terms are accepted."] = False
    terms: ShownTerms = None


class RegisterForm(LoginQuery, kw_only=True):
    """A new fan."""

    first_name: Annotated[Text | None, "Given name."] = None
    last_name: Annotated[Text | None, "Family name."] = None
    email: Annotated[Text | None, "Email address; this or phone is needed."] = None
    phone: Annotated[Text | None, "Mobile number; this or email is needed."] = None
    password: Annotated[LoginPassword, "Password, at least 8 characters."]
    is_subscribed: Annotated[Flag, "Mail is welcome."] = False
    is_phone_subscribed: Annotated[Flag, "Text messages are welcome."] = False
    is_accepted: Annotated[Flag, "The terms are accepted."] = False
    terms: ShownTerms = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse nobody."""
        yield from super().faults(values)
        if not values.get("email") and not values.get("phone"):
            yield "email", "is required"


class ProviderQuery(LoginQuery, kw_only=True):
    """The login page that a fan leaves for that of an identity provider."""

    provider_id: Annotated[Id, "Identity provider."]


class ProviderReturn(Params, kw_only=True):
    """What an identity provider sends a fan back with."""

    state: Annotated[Annotated[str, TextForm(200)], "What the browser was sent with."]
    code: Annotated[Annotated[str, TextForm(4096)] | None, "Code to exchange."] = None
    error: Annotated[Text | None, "The reason, when the code is missing."] = None
    user: Annotated[Annotated[str, TextForm(4096)] | None, "Names of the person, as Apple's form has them."] = None


class Destination(msgspec.Struct, frozen=True):
    """Where a login leads: a registered URL with the parameters that go back there, or a path of this server."""

    account: Account
    business: SiteBusiness | None
    redirect_url: str | None
    path: str | None
    returned: tuple[tuple[str, str], ...]
    login_hint: str = ""
    # whether the path needs a fresh login
    asks_fresh: bool = False

    @property
    def business_id(self) -> int | None:
        """The business, if the account has one."""
        return self.business.business_id if self.business else None

    @property
    def terms(self) -> str:
        """What tells the wording of the present texts from another; empty without texts."""
        terms_hash = self.business.terms_hash if self.business else None
        return terms_hash.hex() if terms_hash else ""


class SealedStruct(msgspec.Struct, frozen=True):
    """What is sealed in a form or a cookie."""

    def encoded(self) -> bytes:
        """Return what is sealed."""
        return msgspec.json.encode(self)

    @classmethod
    def decoded(cls, data: bytes) -> Self:
        """Return what was sealed."""
        return msgspec.json.decode(data, type=cls)


class Pending(SealedStruct, frozen=True):
    """A step of a login that continues once the terms are accepted: what `sessions/connect` needs for it."""

    visitor_id: str
    account_id: int
    fields: dict[str, str]


class SentCode(SealedStruct, frozen=True):
    """A code that was requested in this browser: the id of the request, and to whom it was sent."""

    request_uid: str
    contact: str


def step_request(values: Mapping[str, object]) -> Connect:
    """Return the request for a step of `sessions/connect`; refuses (422) what that refuses."""
    return read(Connect, {name: [value] for name, value in values.items()})
