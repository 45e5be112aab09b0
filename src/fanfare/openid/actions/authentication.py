"""Authenticates clients at the token and revocation endpoints: client_secret_basic, client_secret_post or none."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote_plus

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import has_valid_checksum, hash_secret
from fanfare.kernel.errors import InvalidRequest
from fanfare.kernel.folding import fold
from fanfare.openid.queries.clients import find_client
from fanfare.openid.schemas.clients import PUBLIC, RegisteredClient
from fanfare.openid.schemas.errors import InvalidClient

MAX_HEADER = 1000


class Credentials(NamedTuple):
    """The id that a client sent, and its secret unless it is a public client."""

    client_id: str
    secret: str | None


async def authenticate(
    db: Db, account_id: int, fields: Mapping[str, str], authorization: str, now: datetime
) -> RegisteredClient:
    """Return the client that sent a request; raises InvalidClient (401), or InvalidRequest if it is named twice."""
    client_id, secret = _credentials(fields, authorization)
    client = await find_client(db, account_id, client_id)
    if client is None or (client.client_type == PUBLIC) != (secret is None):
        raise InvalidClient
    if secret is not None and not await _is_valid(db, client, secret, now):
        raise InvalidClient
    return client


def _credentials(fields: Mapping[str, str], authorization: str) -> Credentials:
    if not authorization:
        client_id = fields.get("client_id")
        if not client_id:
            raise InvalidClient
        return Credentials(client_id, fields.get("client_secret") or None)
    if fields.get("client_secret"):
        message = "send the client's secret either in the header Authorization or in the body"
        raise InvalidRequest(message)
    basic = _basic(authorization)
    if fields.get("client_id", basic.client_id) != basic.client_id:
        message = "client_id is another than in the header Authorization"
        raise InvalidRequest(message)
    return basic


def _basic(authorization: str) -> Credentials:
    """Return the credentials of HTTP Basic, both form-encoded, as RFC 6749 (2.3.1) prescribes."""
    scheme, _, encoded = authorization.partition(" ")
    if len(authorization) > MAX_HEADER or fold(scheme) != "basic":
        raise InvalidClient
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidClient from None
    if not colon or not secret:
        raise InvalidClient
    return Credentials(unquote_plus(client_id), unquote_plus(secret))


async def _is_valid(db: Db, client: RegisteredClient, secret: str, now: datetime) -> bool:
    return has_valid_checksum(secret) and bool(
        await db.value(
            "select true from openid_client_secrets where account_id = $1 and client_id = $2 and secret_hash = $3"
            " and (expires_at is null or expires_at > $4)",
            client.account_id,
            client.client_id,
            hash_secret(secret),
            now,
        )
    )
