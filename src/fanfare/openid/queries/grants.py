"""Reads grants, and what an access token opens."""

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.folding import fold
from fanfare.openid.schemas.clients import OFFLINE_ACCESS
from fanfare.openid.schemas.errors import InvalidToken, TokenMissing

# Whether a grant `g` goes on: with offline_access, or as long as the session in which the fan logged in.
HAS_SESSION = f"""('{OFFLINE_ACCESS}' = any(g.scopes) or exists (
    select from sessions s where s.account_id = $1 and s.session_id = g.session_id and s.expires_at > {{now}}))"""
MAX_HEADER = 200


class RefreshedGrant(NamedTuple):
    """What is compared with a refresh token."""

    client_id: int
    scopes: list[str]
    refresh_hash: bytes


async def grant_of_refresh_token(db: Db, account_id: int, grant_id: uuid.UUID) -> RefreshedGrant | None:
    """Return a grant that has a refresh token."""
    row: Record | None = await db.row(
        "select client_id, scopes, refresh_hash from openid_grants"
        " where account_id = $1 and grant_id = $2 and refresh_hash is not null",
        account_id,
        grant_id,
    )
    return RefreshedGrant(**row) if row else None


USERINFO = f"""
    select g.subject, t.scopes, f.first_name, f.last_name, f.display_name, f.image_url, f.gender,
           f.birth_date::text as birth_date, floor(extract(epoch from f.updated_at))::bigint as updated_at,
           f.email, f.is_confirmed, f.phone, f.is_phone_confirmed
    from openid_tokens t
    join openid_grants g on g.account_id = $1 and g.grant_id = t.grant_id
    join fans f on f.account_id = $1 and f.fan_id = g.fan_id
    where t.account_id = $1 and t.token_hash = $2 and t.expires_at > $3 and {HAS_SESSION.format(now="$3")}
"""  # noqa: S608 - fixed parts


async def userinfo(db: Db, account_id: int, token_hash: bytes, now: datetime) -> dict[str, Any]:
    """Return the claims of the fan that the scopes of an access token open; raises InvalidToken (401)."""
    row = await db.row(USERINFO, account_id, token_hash, now)
    if row is None:
        raise InvalidToken
    claims: dict[str, Any] = {"sub": row["subject"]}
    if "profile" in row["scopes"]:
        claims |= _profile(row)
    if "email" in row["scopes"] and row["email"]:
        claims |= {"email": row["email"], "email_verified": row["is_confirmed"]}
    if "phone" in row["scopes"] and row["phone"]:
        claims |= {"phone_number": row["phone"], "phone_number_verified": row["is_phone_confirmed"]}
    return {name: value for name, value in claims.items() if value is not None}


def _profile(row: Record) -> dict[str, Any]:
    names = [row["first_name"], row["last_name"]]
    return {
        "name": " ".join(name for name in names if name) or None,
        "given_name": row["first_name"],
        "family_name": row["last_name"],
        "preferred_username": row["display_name"],
        "picture": row["image_url"],
        "gender": row["gender"] if row["gender"] != "empty" else None,
        "birthdate": row["birth_date"],
        "updated_at": row["updated_at"],
    }


def bearer_token(authorization: str) -> str:
    """Return the access token of a header Authorization; raises TokenMissing or InvalidToken (401)."""
    scheme, _, token = authorization.partition(" ")
    if len(authorization) > MAX_HEADER:
        raise InvalidToken
    if fold(scheme) != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()
