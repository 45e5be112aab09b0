"""Who has an access token, for providers that issue no id_token."""

import hashlib
from datetime import datetime, timedelta
from http import HTTPStatus

from fanfare.identities.gateways.documents import ask, json_object, unavailable
from fanfare.identities.gateways.tokens import MAX_SUBJECT, WrongToken
from fanfare.identities.queries.providers import Provider
from fanfare.identities.schemas.identities import Identity
from fanfare.kernel.running.http_client import HttpRequest
from fanfare.kernel.wire import storage_fault

# So long a used access token is remembered; Spotify's last an hour.
TOKEN_LIFE = timedelta(hours=1)


async def identity_of_access_token(provider: Provider, token: str, now: datetime) -> Identity:
    """Ask the provider who has a token; refuses (422) one that it refuses, and (503) when it does not respond.

    The token does not say for which app it was issued.
    """
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    answer = await ask(HttpRequest("GET", provider.userinfo_url or "", headers), provider.account_id)
    if answer.status != HTTPStatus.OK:
        raise WrongToken([("access_token", "is refused by the provider")])
    values = json_object(answer.body, provider.account_id)
    subject = values.get("sub", values.get("id"))
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or storage_fault(subject):
        raise unavailable(provider.account_id, "says nobody has the token")
    return Identity(provider.issuer, subject, hashlib.sha256(token.encode()).digest(), now + TOKEN_LIFE)
