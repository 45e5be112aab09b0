"""The protocol over HTTP: discovery, keys, tokens, userinfo, revocation. Programs call it, by the RFCs."""

from datetime import datetime
from typing import Any

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import hash_secret
from fanfare.kernel.web.oauth import OAuthRequest, oauth_call
from fanfare.openid.actions import keys, tokens
from fanfare.openid.queries import discovery, grants
from fanfare.openid.schemas.tokens import Tokens

ACCOUNT = "/openid/{account_id}"
# Seconds for which clients store these; a new key signs after longer than that.
MAX_AGE = 3600


@oauth_call("GET", path=f"{ACCOUNT}/.well-known/openid-configuration", max_age=MAX_AGE)
async def openid_configuration(db: Db, account_id: int) -> dict[str, Any]:
    """Return what the provider of an account can do, and where."""
    return await discovery.configuration(db, account_id)


@oauth_call("GET", path=f"{ACCOUNT}/jwks", max_age=MAX_AGE)
async def openid_jwks(db: Db, account_id: int, now: datetime) -> dict[str, Any]:
    """Return the public keys of an account."""
    return {"keys": await keys.public_keys(db, account_id, now)}


@oauth_call("POST", path=f"{ACCOUNT}/token")
async def openid_token(db: Db, account_id: int, request: OAuthRequest, now: datetime) -> Tokens:
    """Return tokens for a code or a refresh token."""
    return await tokens.issue_tokens(db, account_id, request.fields, request.authorization, now)


@oauth_call("GET", "POST", path=f"{ACCOUNT}/userinfo")
async def openid_userinfo(db: Db, account_id: int, request: OAuthRequest, now: datetime) -> dict[str, Any]:
    """Return the claims of the fan that an access token opens."""
    token = grants.bearer_token(request.authorization)
    return await grants.userinfo(db, account_id, hash_secret(token), now)


@oauth_call("POST", path=f"{ACCOUNT}/revoke")
async def openid_revoke(db: Db, account_id: int, request: OAuthRequest, now: datetime) -> None:
    """End a token."""
    await tokens.revoke(db, account_id, request.fields, request.authorization, now)
