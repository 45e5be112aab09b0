"""The login page of a provider: where a browser is sent, and what its code is exchanged for."""

import base64
import hashlib
from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote, urlencode

import msgspec

from fanfare.identities.gateways.documents import ask, json_object, unavailable
from fanfare.identities.gateways.keys import authorization_url, published, token_url
from fanfare.identities.queries.providers import Provider
from fanfare.kernel.base64url import base64url
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import with_query
from fanfare.kernel.running.http_client import HttpRequest


class CodeRefused(BadParameters):
    """The identity provider refused the code"""


class CodeFlow(msgspec.Struct, frozen=True):
    """One visit to a provider's login page. `verifier` proves that the code comes back to who asked for it (PKCE)."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


async def login_page_url(provider: Provider, flow: CodeFlow, now: datetime, *, asks_again: bool) -> str:
    """Return where a browser is sent; refuses (503) when the provider publishes no such address."""
    preset = provider.preset
    challenge = base64url(hashlib.sha256(flow.verifier.encode()).digest())
    parameters = {
        "response_type": "code",
        "client_id": provider.client_ids[0],
        "redirect_uri": flow.redirect_uri,
        "scope": preset.scope,
        "state": flow.state,
        "nonce": flow.nonce if preset.has_id_token else "",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "response_mode": preset.response_mode or "",
        "prompt": "login" if asks_again and preset.has_id_token else "",
        # With it the token says when somebody signed in.
        "max_age": "0" if asks_again and preset.has_id_token else "",
    }
    url = await authorization_url(provider, now)
    return with_query(url, [(name, value) for name, value in parameters.items() if value])


async def token_of_code(provider: Provider, secret: str | None, flow: CodeFlow, code: str, now: datetime) -> str:
    """Exchange a code for the id_token, or for the access token of a provider that issues none.

    Refuses (422) a code that the provider refuses, and (503) when it does not respond.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": flow.redirect_uri,
        "client_id": provider.client_ids[0],
        "code_verifier": flow.verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if secret and await _posts_secret(provider, now):
        form["client_secret"] = secret
    elif secret:
        pair = f"{quote(provider.client_ids[0], safe='')}:{quote(secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    request = HttpRequest("POST", await token_url(provider, now), headers, urlencode(form).encode())
    answer = await ask(request, provider.account_id)
    if answer.status != HTTPStatus.OK:
        raise CodeRefused([("code", "is refused by the provider")])
    name = "id_token" if provider.preset.has_id_token else "access_token"
    token = json_object(answer.body, provider.account_id).get(name)
    if not isinstance(token, str):
        raise unavailable(provider.account_id, f"sent no {name}")
    return token


async def _posts_secret(provider: Provider, now: datetime) -> bool:
    """Return whether the client secret goes into the form, and not into the header, which is the default."""
    if provider.preset.posts_secret or provider.token_url:
        return provider.preset.posts_secret
    return "client_secret_post" in (await published(provider, now)).token_endpoint_auth_methods_supported
