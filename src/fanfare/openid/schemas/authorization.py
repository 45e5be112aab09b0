"""A request to log a fan in at a client, and the errors that lead back to the client."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode, urlsplit

import msgspec

from fanfare.kernel.errors import InvalidRequest, TooLarge
from fanfare.kernel.parameters import Params, Raw, single_values, with_query
from fanfare.kernel.wire import Id, TextForm, storage_fault
from fanfare.openid.schemas.clients import OPENID, RegisteredClient

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
PROMPTS = frozenset({"none", "login", "consent"})
# In bytes of UTF-8: sealed twice, in the address of the login page, they must still be short enough for proxies.
LONGEST = {"state": 2000, "nonce": 500, "scope": 500, "login_hint": 255, "ui_locales": 200}
MAX_SECONDS = 10**9
# Proxies accept URLs of about this length.
MAX_URL = 8000
# Loopback addresses at which an app on a device listens on any port (RFC 8252, 7.3).
ANY_PORT = ("127.0.0.1", "::1")
# Parameters that a provider may leave out, with the error that OpenID Connect has for it.
NOT_SUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
# All that is read of a request.
NAMES = (
    "client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge",
    "code_challenge_method", "prompt", "max_age", "login_hint", "ui_locales", "id_token_hint", *NOT_SUPPORTED,
)  # fmt: skip


class AuthorizationRequest(msgspec.Struct, frozen=True):
    """A valid request. It is sealed while the fan logs in and agrees.

    `login_after` is the time (Unix seconds) since which the fan must have logged in, 0 for any. `fan_id` is the fan who
    was asked to agree, `hinted_fan_id` the fan whom the client expects; 0 for any.
    """

    account_id: int
    client_id: int
    redirect_uri: str
    scopes: list[str]
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    prompts: list[str] = []
    login_after: float = 0
    login_hint: str = ""
    language: str = ""
    fan_id: int = 0
    hinted_fan_id: int = 0


class AuthorizationRefusal(Exception):  # noqa: N818 - an answer to the client
    """An error that leads the browser back to the client, with the code of the RFC."""

    def __init__(self, *, code: str, description: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.description = description


def single(raw: Raw, name: str) -> str | None:
    """Return a parameter that was sent once and can be stored; None for any other."""
    values = raw.get(name, [])
    value = values[0] if len(values) == 1 else None
    return value if isinstance(value, str) and value and not storage_fault(value) else None


def is_registered(uri: str, registered: list[str]) -> bool:
    """Return whether a URI is one of those registered, letter by letter; on loopback addresses with any port."""
    return uri in registered or without_port(uri) in registered


def without_port(uri: str) -> str | None:
    """Return an http URI of a loopback address without its port; None for any other."""
    try:
        parts = urlsplit(uri)
        if parts.scheme != "http" or parts.hostname not in ANY_PORT or parts.port is None or "@" in parts.netloc:
            return None
    except ValueError:
        return None
    return uri.replace(f":{parts.port}", "", 1) if uri.startswith(f"http://{parts.netloc}") else None


def with_parameters(uri: str, parameters: Mapping[str, str | None]) -> str:
    """Return a URI with more parameters; those without a value are left out."""
    return with_query(uri, [(name, value) for name, value in parameters.items() if value is not None])


def url_of_form(path: str, raw: Raw, names: Iterable[str]) -> str:
    """Return the URL that sends the parameters of a form by GET; raises TooLarge (413).

    A form from another site comes without our cookies (SameSite=Lax), the GET that follows comes with them. A value
    that is no text is sent as one that is refused there.
    """
    pairs = [(name, _sendable(value)) for name in names for value in raw.get(name, [])]
    url = f"{path}?{urlencode(pairs)}"
    if len(url) > MAX_URL:
        raise TooLarge
    return url


def _sendable(value: object) -> str:
    return value if isinstance(value, str) and not storage_fault(value) else "\0"


def read_request(raw: Raw, client: RegisteredClient, redirect_uri: str, now: datetime) -> AuthorizationRequest:
    """Return the request of a client whose redirect_uri was checked; raises AuthorizationRefusal."""
    fields = _fields(raw)
    _check_response(fields)
    return AuthorizationRequest(
        client.account_id,
        client.client_id,
        redirect_uri,
        _scopes(fields.get("scope", ""), client),
        fields.get("state"),
        fields.get("nonce"),
        _challenge(fields, client),
        _prompts(fields.get("prompt", "")),
        _login_after(fields, now),
        fields.get("login_hint", ""),
        fields.get("ui_locales", ""),
    )


def _fields(raw: Raw) -> dict[str, str]:
    try:
        fields = single_values(raw)
    except InvalidRequest as error:
        raise AuthorizationRefusal(code="invalid_request", description=error.detail) from None
    for name, longest in LONGEST.items():
        if len(fields.get(name, "").encode()) > longest:
            raise AuthorizationRefusal(code="invalid_request", description=f"{name} is longer than {longest} bytes")
    return {name: value for name, value in fields.items() if value}


def _check_response(fields: Mapping[str, str]) -> None:
    for name, code in NOT_SUPPORTED.items():
        if name in fields:
            raise AuthorizationRefusal(code=code)
    if "response_type" not in fields:
        raise AuthorizationRefusal(code="invalid_request", description="response_type is required")
    if fields["response_type"] != "code":
        raise AuthorizationRefusal(code="unsupported_response_type", description="response_type must be code")
    if fields.get("response_mode", "query") != "query":
        raise AuthorizationRefusal(code="invalid_request", description="response_mode must be query")


def _scopes(scope: str, client: RegisteredClient) -> list[str]:
    """Return the scopes that the client may ask for; OpenID Connect has others ignored."""
    requested = set(scope.split())
    if OPENID not in requested:
        raise AuthorizationRefusal(code="invalid_scope", description="scope must include openid")
    return [each for each in client.scopes if each in requested]


def _challenge(fields: Mapping[str, str], client: RegisteredClient) -> str | None:
    challenge, method = fields.get("code_challenge"), fields.get("code_challenge_method")
    if challenge is None:
        if client.is_pkce_required or method is not None:
            raise AuthorizationRefusal(code="invalid_request", description="code_challenge is required")
        return None
    if method != "S256":
        raise AuthorizationRefusal(code="invalid_request", description="code_challenge_method must be S256")
    if not CHALLENGE.fullmatch(challenge):
        raise AuthorizationRefusal(code="invalid_request", description="code_challenge must be a SHA-256 in base64url")
    return challenge


def _prompts(text: str) -> list[str]:
    prompts = set(text.split())
    if prompts - PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise AuthorizationRefusal(code="invalid_request", description="prompt must be none, or login, consent or both")
    return sorted(prompts)


def _login_after(fields: Mapping[str, str], now: datetime) -> float:
    age = fields.get("max_age")
    if age is not None and not (
        age.isascii() and age.isdigit() and len(age) <= len(str(MAX_SECONDS)) and int(age) <= MAX_SECONDS
    ):
        raise AuthorizationRefusal(code="invalid_request", description="max_age must be a number of seconds")
    if "login" in fields.get("prompt", "").split():
        return now.timestamp()
    return 0 if age is None else now.timestamp() - int(age)


SealedText = Annotated[str, TextForm(12_000)]


class Provider(Params):
    """The provider of an account."""

    account_id: Annotated[Id, "Account."]


class SealedRequest(Provider, kw_only=True):
    """A request of which the fan has logged in."""

    request: Annotated[SealedText, "The request, sealed."]


class Decision(SealedRequest, kw_only=True):
    """What the fan decided."""

    decision: Annotated[Annotated[str, TextForm(10)], "allow or deny."] = "deny"


class Withdrawal(Provider, kw_only=True):
    """The client whose consent the fan withdraws."""

    client_id: Annotated[Id, "Client."]


class Consent(msgspec.Struct, frozen=True):
    """A client that a fan has agreed to."""

    client_id: int
    client_name: str
    scopes: list[str]
