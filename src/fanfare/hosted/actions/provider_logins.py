"""Logs fans in on the login page of an identity provider, and takes them back from there."""

import hmac
import re
import secrets
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from fanfare.hosted.browser_sessions import LOGIN
from fanfare.hosted.schemas.login import Destination, ProviderReturn
from fanfare.hosted.schemas.provider_logins import ProviderLogin, SealedNames, names_in
from fanfare.identities.actions.providers import client_secret
from fanfare.identities.gateways.exchange import CodeFlow, login_page_url, token_of_code
from fanfare.identities.queries.providers import Provider, find_provider
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal, Unknown
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.forms import FormRefused
from fanfare.kernel.pages.page import Visit
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys

# Begins with the account, whose cookie has the rest.
STATE = re.compile(r"([0-9]{1,18})\.")
START, RETURN = f"{LOGIN}/provider", f"{LOGIN}/provider/return"
PURPOSE, NAMES_PURPOSE = "login at an identity provider", "names in a form of an identity provider"
# The parameter that names the provider, and nothing else of the login page.
PROVIDER_ID = "provider_id"
MAX_AGE = timedelta(minutes=10)
# Browsers drop a cookie of more than 4,096 bytes with its name and attributes.
LONGEST_COOKIE = 3900


class LinkTooLong(Refusal):
    """The link to this login page is too long"""

    status = 422

    def __init__(self) -> None:
        super().__init__("Log in another way, or open the site again: its link has too many or too long parameters.")


def return_url() -> str:
    """Return the address to register at providers."""
    return f"{public_address.base}{RETURN}"


async def begin(db: Db, visit: Visit, destination: Destination, provider_id: int, now: datetime) -> str:
    """Return where the browser is sent, and keep in a cookie what must come back."""
    account_id = destination.account.id
    provider = await _provider(db, destination, provider_id)
    tokens = [secrets.token_urlsafe(32) for _ in range(3)]
    flow = CodeFlow(f"{account_id}.{tokens[0]}", tokens[1], tokens[2], return_url())
    pairs = parse_qsl(visit.url.partition("?")[2], keep_blank_values=True)
    url = f"{LOGIN}?{urlencode([each for each in pairs if each[0] != PROVIDER_ID])}"
    text = secret_keys.seal(PURPOSE, ProviderLogin(provider_id, url, flow).encoded())
    if len(text) > LONGEST_COOKIE:
        raise LinkTooLong
    visit.new_cookies[_cookie(account_id)] = Cookie(text, MAX_AGE)
    # What the provider remembers is not enough for a page that needs a fresh login.
    return await login_page_url(provider, flow, now, asks_again=destination.asks_fresh)


def _cookie(account_id: int) -> str:
    return f"provider-{account_id}"


async def _provider(db: Db, destination: Destination, provider_id: int) -> Provider:
    provider = await find_provider(db, destination.account.id, destination.business_id, name=str(provider_id))
    if provider is None:
        raise Unknown(identity_provider=provider_id)
    return provider


def returned_login(visit: Visit, state: str) -> tuple[int, ProviderLogin]:
    """Return the account and the login that began in this browser with a state, once; refuses (403) any other."""
    match = STATE.match(state)
    account_id = int(match[1]) if match else 0
    try:
        text = secret_keys.unseal(PURPOSE, visit.cookies.get(_cookie(account_id), ""), max_age=MAX_AGE)
        login = ProviderLogin.decoded(text)
    except NotSealed:
        raise FormRefused from None
    if not hmac.compare_digest(login.flow.state.encode(), state.encode()):
        raise FormRefused
    visit.new_cookies[_cookie(account_id)] = Cookie("")
    return account_id, login


def sealed_names(user: str, state: str) -> str:
    """Return the names in a provider's form, sealed for the return with a state; empty without any.

    Apple says them in its form alone, at the first login, and logs contain URLs.
    """
    names = names_in(user)
    return secret_keys.seal(NAMES_PURPOSE, SealedNames(state, names).encoded()) if names else ""


def _names(text: str | None, state: str) -> dict[str, str]:
    try:
        sealed = SealedNames.decoded(secret_keys.unseal(NAMES_PURPOSE, text or "", max_age=MAX_AGE))
    except NotSealed:
        return {}
    return sealed.names if hmac.compare_digest(sealed.state.encode(), state.encode()) else {}


async def step_fields(
    db: Db, destination: Destination, login: ProviderLogin, back: ProviderReturn, now: datetime
) -> dict[str, str]:
    """Exchange a code and return the fields of the step of `sessions/connect` that it allows."""
    provider = await _provider(db, destination, login.provider_id)
    code = back.code or ""
    token = await token_of_code(provider, client_secret(provider, now), login.flow, code, now)
    names = _names(back.user, login.flow.state)
    fields = {"network": provider.preset_name, "provider": str(provider.provider_id), **names}
    if not provider.preset.has_id_token:
        return {**fields, "access_token": token}
    return {**fields, "id_token": token, "nonce": login.flow.nonce}
