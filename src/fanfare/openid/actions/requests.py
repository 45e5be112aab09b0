"""Seals a request to log in while the fan logs in and agrees, and unseals it; finds the client that sent it."""

from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.parameters import Raw
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.openid.queries.clients import PATH, find_client
from fanfare.openid.queries.consents import fan_of_subject
from fanfare.openid.queries.keys import claims_of
from fanfare.openid.schemas.authorization import AuthorizationRequest, is_registered, single
from fanfare.openid.schemas.clients import RegisteredClient
from fanfare.openid.schemas.errors import ClientUnknown, RedirectUnknown, RequestExpired

PURPOSE = "openid request"
# How long a fan may take to log in and to agree.
MAX_AGE = timedelta(hours=1)


def sealed(request: AuthorizationRequest) -> str:
    """Return a request as a text that nobody else can make."""
    return secret_keys.seal(PURPOSE, msgspec.msgpack.encode(request))


def unsealed(account_id: int, text: str) -> AuthorizationRequest:
    """Return a sealed request of an account; raises RequestExpired (410)."""
    try:
        request = msgspec.msgpack.decode(secret_keys.unseal(PURPOSE, text, max_age=MAX_AGE), type=AuthorizationRequest)
    except NotSealed:
        raise RequestExpired from None
    if request.account_id != account_id:
        raise RequestExpired
    return request


def continue_path(request: AuthorizationRequest) -> str:
    """Return the path of the page that goes on with a request."""
    return f"{PATH}/{request.account_id}/continue?request={sealed(request)}"


async def client_of(db: Db, account_id: int, raw: Raw) -> tuple[RegisteredClient, str]:
    """Return the client that sends a fan here, and its redirect_uri.

    Raises ClientUnknown (404) or RedirectUnknown (400): then nothing may lead to where the request says.
    """
    client = await find_client(db, account_id, single(raw, "client_id") or "")
    if client is None:
        raise ClientUnknown
    redirect_uri = single(raw, "redirect_uri")
    if redirect_uri is None or not is_registered(redirect_uri, client.redirect_uris):
        raise RedirectUnknown
    return client, redirect_uri


async def with_hinted_fan(db: Db, request: AuthorizationRequest, raw: Raw, now: datetime) -> AuthorizationRequest:
    """Return a request with the fan of its id_token_hint; a hint that is no ID token of the client is ignored."""
    hint = single(raw, "id_token_hint")
    claims = await claims_of(db, request.account_id, hint, now) if hint else None
    if claims is None or claims["aud"] != str(request.client_id):
        return request
    fan_id = await fan_of_subject(db, request.account_id, request.client_id, str(claims["sub"]))
    return msgspec.structs.replace(request, hinted_fan_id=fan_id or 0)


async def current_client(db: Db, request: AuthorizationRequest) -> RegisteredClient:
    """Return the client of a request as it is registered by now; raises as `client_of`."""
    client = await find_client(db, request.account_id, str(request.client_id))
    if client is None:
        raise ClientUnknown
    if not is_registered(request.redirect_uri, client.redirect_uris):
        raise RedirectUnknown
    return client
