"""Issues tokens for codes and refresh tokens, and revokes them.

A code and a refresh token are used once, which one conditional update decides. Who sends one again ends the whole
grant: somebody else may have a copy.
"""

import hashlib
import re
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from fanfare.kernel.base64url import base64url
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import hash_secret
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import InvalidRequest
from fanfare.kernel.wire import unix
from fanfare.openid.actions.authentication import authenticate
from fanfare.openid.actions.keys import SigningKey, signing_key
from fanfare.openid.queries.clients import issuer
from fanfare.openid.queries.grants import HAS_SESSION, grant_of_refresh_token
from fanfare.openid.queries.keys import ALGORITHM
from fanfare.openid.schemas.clients import OFFLINE_ACCESS, RegisteredClient
from fanfare.openid.schemas.errors import InvalidGrant, InvalidScope, UnauthorizedClient, UnsupportedGrantType
from fanfare.openid.schemas.tokens import Grant, Tokens
from fanfare.sessions.actions.lifetimes import lifetimes

ACCESS_TIME = timedelta(minutes=15)
ID_TOKEN_TIME = timedelta(hours=1)
TOKEN_BYTES = 32
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
REFRESH_TOKEN = re.compile(r"([0-9a-f]{32})\.[A-Za-z0-9_-]{43}")


class Issued(NamedTuple):
    """What a client gets besides the ID token; a refresh token only with the scope offline_access."""

    access_token: str
    refresh_token: str | None


def new_token() -> str:
    """Return a random token of 256 bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636)."""
    return base64url(hashlib.sha256(verifier.encode("ascii", "replace")).digest())


async def issue_tokens(db: Db, account_id: int, fields: Mapping[str, str], authorization: str, now: datetime) -> Tokens:
    """Return tokens for a code or a refresh token; raises the errors of RFC 6749 (5.2)."""
    client = await authenticate(db, account_id, fields, authorization, now)
    grant_type = _required(fields, "grant_type")
    if grant_type == "authorization_code":
        return await _exchange(db, client, fields, now)
    if grant_type == "refresh_token":
        return await _refresh(db, client, fields, now)
    raise UnsupportedGrantType


def _required(fields: Mapping[str, str], name: str) -> str:
    if not fields.get(name):
        message = f"{name} is required"
        raise InvalidRequest(message)
    return fields[name]


# The grant's first tokens, in the statement that uses its code.
EXCHANGE = Sql(f"""
    with used as (
        update openid_grants g
        set code_used_at = :now,
            refresh_hash = case when '{OFFLINE_ACCESS}' = any(g.scopes) then :refresh_hash::bytea end,
            expires_at = case when '{OFFLINE_ACCESS}' = any(g.scopes) then :refresh_end::timestamptz
                              else :access_end::timestamptz end
        where g.account_id = $1 and g.code_hash = :code_hash and g.client_id = :client_id
          and g.redirect_uri = :redirect_uri and g.code_challenge is not distinct from :challenge
          and (g.code_challenge is not null or not :is_pkce_required)
          and g.code_used_at is null and g.expires_at > :now and {HAS_SESSION.format(now=":now")}
        returning g.grant_id, g.client_id, g.subject, g.scopes, g.nonce, g.authenticated_at
    ),
    token as (
        insert into openid_tokens (account_id, token_hash, grant_id, scopes, created_at, expires_at)
        select $1, :token_hash, grant_id, scopes, :now, :access_end from used
    )
    select grant_id, client_id, subject, scopes, nonce,
           floor(extract(epoch from authenticated_at))::bigint as auth_time
    from used
""")  # noqa: S608 - fixed parts


async def _exchange(db: Db, client: RegisteredClient, fields: Mapping[str, str], now: datetime) -> Tokens:
    code, redirect_uri = _required(fields, "code"), _required(fields, "redirect_uri")
    verifier = fields.get("code_verifier")
    # Read before the code is used, so that a fault here costs no login.
    key = await signing_key(db, client.account_id, now)
    access_token, secret = new_token(), new_token()
    row = await db.row(
        EXCHANGE,
        client.account_id,
        code_hash=hash_secret(code),
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        challenge=challenge_of(verifier) if verifier and VERIFIER.fullmatch(verifier) else verifier or None,
        is_pkce_required=client.is_pkce_required,
        refresh_hash=hash_secret(secret),
        refresh_end=lifetimes.end(now, now),
        token_hash=hash_secret(access_token),
        access_end=now + ACCESS_TIME,
        now=now,
    )
    if row is None:
        await _end_reused_code(db, client, code)
        raise InvalidGrant
    values = dict(row)
    grant_id: uuid.UUID = values.pop("grant_id")
    is_offline = OFFLINE_ACCESS in values["scopes"]
    issued = Issued(access_token, f"{grant_id.hex}.{secret}" if is_offline else None)
    return _tokens(issuer(client.account_id), Grant(**values), key, issued, now)


async def _end_reused_code(db: Db, client: RegisteredClient, code: str) -> None:
    await db.execute(
        "delete from openid_grants where account_id = $1 and code_hash = $2 and client_id = $3"
        " and code_used_at is not null",
        client.account_id,
        hash_secret(code),
        client.client_id,
    )


ROTATE = Sql("""
    with rotated as (
        update openid_grants
        set refresh_hash = :new_hash, expires_at = least(created_at + :total::interval, :now + :idle::interval)
        where account_id = $1 and grant_id = :grant_id and client_id = :client_id and refresh_hash = :old_hash
          and expires_at > :now
        returning grant_id, client_id, subject, authenticated_at
    ),
    token as (
        insert into openid_tokens (account_id, token_hash, grant_id, scopes, created_at, expires_at)
        select $1, :token_hash, grant_id, :scopes, :now, :access_end from rotated
    )
    select client_id, subject, :scopes::text[] as scopes, null::text as nonce,
           floor(extract(epoch from authenticated_at))::bigint as auth_time
    from rotated
""")


async def _refresh(db: Db, client: RegisteredClient, fields: Mapping[str, str], now: datetime) -> Tokens:
    refresh_token = _required(fields, "refresh_token")
    match = REFRESH_TOKEN.fullmatch(refresh_token)
    if match is None:
        raise InvalidGrant
    grant_id = uuid.UUID(match[1])
    scopes = await _refreshed_scopes(db, client, grant_id, refresh_token, fields.get("scope", ""))
    key = await signing_key(db, client.account_id, now)
    access_token, secret = new_token(), new_token()
    row = await db.row(
        ROTATE,
        client.account_id,
        grant_id=grant_id,
        client_id=client.client_id,
        old_hash=_secret_hash(refresh_token),
        new_hash=hash_secret(secret),
        token_hash=hash_secret(access_token),
        scopes=scopes,
        access_end=now + ACCESS_TIME,
        total=lifetimes.total,
        idle=lifetimes.idle,
        now=now,
    )
    if row is None:
        await _end_reused_refresh_token(db, client, grant_id, refresh_token)
        raise InvalidGrant
    issued = Issued(access_token, f"{grant_id.hex}.{secret}")
    return _tokens(issuer(client.account_id), Grant(**row), key, issued, now)


def _secret_hash(refresh_token: str) -> bytes:
    return hash_secret(refresh_token.partition(".")[2])


async def _refreshed_scopes(
    db: Db, client: RegisteredClient, grant_id: uuid.UUID, refresh_token: str, scope: str
) -> list[str]:
    """Return the scopes of the new access token: those of the grant, or fewer that the client asks for."""
    granted = await grant_of_refresh_token(db, client.account_id, grant_id)
    if granted is None or granted.client_id != client.client_id:
        raise InvalidGrant
    if granted.refresh_hash != _secret_hash(refresh_token):
        await _end_reused_refresh_token(db, client, grant_id, refresh_token)
        raise InvalidGrant
    requested = scope.split()
    if set(requested) - set(granted.scopes):
        raise InvalidScope
    return [each for each in granted.scopes if each in requested] if requested else granted.scopes


async def _end_reused_refresh_token(db: Db, client: RegisteredClient, grant_id: uuid.UUID, refresh_token: str) -> None:
    """End a grant whose current refresh token is another: only who has an older one knows its id."""
    await db.execute(
        "delete from openid_grants where account_id = $1 and grant_id = $2 and client_id = $3 and refresh_hash <> $4",
        client.account_id,
        grant_id,
        client.client_id,
        _secret_hash(refresh_token),
    )


def _tokens(url: str, grant: Grant, key: SigningKey, issued: Issued, now: datetime) -> Tokens:
    return Tokens(
        issued.access_token,
        "Bearer",
        int(ACCESS_TIME.total_seconds()),
        " ".join(grant.scopes),
        _id_token(url, grant, key, issued.access_token, now),
        issued.refresh_token or msgspec.UNSET,
    )


def _id_token(url: str, grant: Grant, key: SigningKey, access_token: str, now: datetime) -> str:
    from joserfc import jwt  # noqa: PLC0415 - takes megabytes, which most commands save

    digest = hashlib.sha256(access_token.encode()).digest()
    claims = {
        "iss": url,
        "sub": grant.subject,
        "aud": str(grant.client_id),
        "iat": unix(now),
        "exp": unix(now + ID_TOKEN_TIME),
        "at_hash": base64url(digest[: len(digest) // 2]),
        **({"nonce": grant.nonce} if grant.nonce is not None else {}),
        **({"auth_time": grant.auth_time} if grant.auth_time is not None else {}),
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.key_id}, claims, key.key)


async def revoke(db: Db, account_id: int, fields: Mapping[str, str], authorization: str, now: datetime) -> None:
    """End an access token, or with a refresh token its whole grant (RFC 7009); an invalid token is no error."""
    client = await authenticate(db, account_id, fields, authorization, now)
    token = _required(fields, "token")
    match = REFRESH_TOKEN.fullmatch(token)
    grant_id = uuid.UUID(match[1]) if match else None
    owner = await db.value(
        """
        select g.client_id from openid_grants g
        where g.account_id = $1 and (
            (g.grant_id = $2 and g.refresh_hash is not null)
            or g.grant_id = (select t.grant_id from openid_tokens t where t.account_id = $1 and t.token_hash = $3))
        """,
        account_id,
        grant_id,
        hash_secret(token),
    )
    if owner is None:
        return
    if owner != client.client_id:
        raise UnauthorizedClient
    if grant_id is not None:
        await db.execute("delete from openid_grants where account_id = $1 and grant_id = $2", account_id, grant_id)
    else:
        await db.execute(
            "delete from openid_tokens where account_id = $1 and token_hash = $2", account_id, hash_secret(token)
        )
