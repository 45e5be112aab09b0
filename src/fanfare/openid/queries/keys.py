"""Reads the keys that sign ID tokens, and verifies what they have signed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from fanfare.kernel.data.db import Db

ALGORITHM = "RS256"


class PublishedKey(msgspec.Struct, frozen=True):
    """A key that signs: the sealed private key, and the public key as JWK."""

    key_number: int
    sealed_key: str
    public_key: dict[str, Any]
    begins_at: datetime
    ends_at: datetime | None


async def stored_keys(db: Db, account_id: int) -> list[PublishedKey]:
    """Return all keys, the newest first, also those that have ended and are not deleted yet."""
    rows = await db.rows(
        "select key_number, sealed_key, public_key, begins_at, ends_at from openid_keys"
        " where account_id = $1 order by key_number desc",
        account_id,
    )
    return [PublishedKey(**row) for row in rows]


def not_ended(keys: list[PublishedKey], now: datetime) -> list[PublishedKey]:
    """Return the keys that have not ended."""
    return [each for each in keys if each.ends_at is None or each.ends_at > now]


async def valid_keys(db: Db, account_id: int, now: datetime) -> list[PublishedKey]:
    """Return the keys that have not ended, the newest first."""
    return not_ended(await stored_keys(db, account_id), now)


async def claims_of(db: Db, account_id: int, id_token: str, now: datetime) -> Mapping[str, Any] | None:
    """Return the claims of an ID token that this account signed, also after it has expired; None for any other."""
    from joserfc import jwt  # noqa: PLC0415 - takes megabytes, which most commands save
    from joserfc.errors import JoseError  # noqa: PLC0415 - as above
    from joserfc.jwk import KeySet, RSAKey  # noqa: PLC0415 - as above

    public_keys = [each.public_key for each in await valid_keys(db, account_id, now)]
    try:
        key_set = KeySet([RSAKey.import_key(each) for each in public_keys])
        claims: Mapping[str, Any] = jwt.decode(id_token, key_set, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, TypeError):
        # TypeError is for members of the header that are of another type than the RFC has.
        return None
    return claims
